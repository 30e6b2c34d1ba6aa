"""A CSV file as several, so that several workers can read it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as arrow_csv

from ml.beam.shared_files import joined, writable
from ml.data.csv_reader import BLOCK_BYTES, header

ROWS = 500_000
"""Enough for a shard, which is some seconds of work for a worker then."""


def split(source: Path, directory: str, *, rows: int) -> list[str]:
    """Write the rows of a CSV into shards of at least so many `rows`, each with the header, and return their paths.

    Every value is written as the text that it is, quoted. Rows with another number of fields are left out: reading the
    file itself refuses it for them. The shards are in the order of the rows, and so are their names.

    Args:
        source: The file.
        directory: One that all workers reach (`ml.beam.shared_files`).
        rows: How many rows a shard has before the next one begins.
    """
    names, header_lines = header(source)
    columns = [str(place) for place in range(len(names))]  # unique, as Arrow wants them
    reader = arrow_csv.open_csv(
        source,
        read_options=arrow_csv.ReadOptions(block_size=BLOCK_BYTES, column_names=columns, skip_rows=header_lines),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=lambda _: "skip"),
        convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string()), null_values=[]),
    )
    batches = iter(reader)
    shards: list[str] = []
    while (batch := next(batches, None)) is not None:
        shards.append(joined(directory, f"part-{len(shards):05}.csv"))
        with writable(shards[-1]) as path, path.open("wb") as sink:
            sink.write(_line(names))
            written = 0
            while batch is not None:
                arrow_csv.write_csv(batch, sink, arrow_csv.WriteOptions(include_header=False))  # which quotes all texts
                written += batch.num_rows
                batch = next(batches, None) if written < rows else None
    return shards


def _line(names: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(names)
    return text.getvalue().encode()
