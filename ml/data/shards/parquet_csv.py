"""A Parquet file as a CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv as arrow_csv

from ml.data.csv_copy import too_large
from ml.data.shards.unpacked import damaged
from ml.errors import DataError

BATCH_ROWS = 8192
LEAST_ROW_BYTES = 2
"""A row of a CSV has at least a comma and the end of its line: two columns are what a table of customers has."""


def csv_of_parquet(source: Path, written: Path, name: str, max_bytes: int) -> Path:
    """Write the rows of a Parquet file as a CSV of at most `max_bytes`, and return its path.

    Raises:
        DataError: The file is damaged, is no table of plain values, or too large.
        OSError: The disk refused to read or write.
    """
    try:
        file: Any = pq.ParquetFile(source)
        _check(file, name, max_bytes)
        texts = [column.name for column in file.schema if column.physical_type == "BYTE_ARRAY"]
        # A text that stands in many rows is in memory once, however long it is.
        file = pq.ParquetFile(source, read_dictionary=texts)
        options = arrow_csv.WriteOptions(include_header=False)
        with written.open("wb") as writer:
            names = file.schema_arrow.names
            writer.write(_header(names))
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                if writer.tell() + _text_bytes(batch) > max_bytes:
                    raise too_large(f"{name}: the CSV of what is in it is", max_bytes)
                columns = [_plain(column) for column in batch.columns]
                arrow_csv.write_csv(pa.RecordBatch.from_arrays(columns, names=names), writer, options)
            if writer.tell() > max_bytes:
                raise too_large(f"{name}: the CSV of what is in it is", max_bytes)
    except (pa.ArrowException, ValueError, UnicodeDecodeError) as error:
        raise damaged(name, "Parquet file", error) from error
    except OSError as error:
        if error.errno is None:
            raise damaged(name, "Parquet file", error) from error
        raise
    return written


def _check(file: Any, name: str, max_bytes: int) -> None:
    """Refuse what cannot become a CSV of `max_bytes` before any of it is read."""
    for column in file.schema_arrow:
        if pa.types.is_duration(column.type) or pa.types.is_interval(column.type):
            raise DataError(
                f"{name}: column {column.name!r} has values that a CSV cannot hold ({column.type}).",
                "Export it as text or as a number.",
            )
        if pa.types.is_nested(column.type):
            raise DataError(
                f"{name}: column {column.name!r} has values of several parts ({column.type}).",
                "Export a table with one value in each place.",
            )
    groups = (file.metadata.row_group(place).total_byte_size for place in range(file.metadata.num_row_groups))
    if file.metadata.num_rows * LEAST_ROW_BYTES > max_bytes or max(groups, default=0) > max_bytes:
        raise too_large(f"{name}: what is in it is", max_bytes)


def _header(names: list[str]) -> bytes:
    quoted = ('"' + name.replace('"', '""') + '"' if set(name) & set('",\r\n') else name for name in names)
    return (",".join(quoted) + "\n").encode()


def _text_bytes(batch: pa.RecordBatch) -> int:
    """Return how many bytes the texts of a batch have."""
    total = 0
    for column in batch.columns:
        if pa.types.is_dictionary(column.type):
            lengths = pc.binary_length(column.dictionary).cast(pa.int64())
            total += pc.sum(lengths.take(column.indices)).as_py() or 0
    return total


def _plain(column: pa.Array) -> pa.Array:
    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if pa.types.is_decimal(plain.type):
        return plain.cast(pa.float64())  # Arrow writes no decimals into a CSV
    return plain.cast(pa.string()) if pa.types.is_binary(plain.type) or pa.types.is_large_binary(plain.type) else plain
