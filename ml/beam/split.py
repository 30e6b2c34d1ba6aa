"""A CSV file as several, so that several workers can read it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as arrow_csv

from ml.beam.shared_files import joined, writable
from ml.data.csv_reader import BLOCK_BYTES, header
from ml.errors import DataError
from ml.storage.progress import Progress

ROWS = 500_000
"""Enough for a shard, which is some seconds of work for a worker then."""


@dataclass(frozen=True)
class Shard:
    """A part of a file: the path of a CSV, and how many rows are in it."""

    path: str
    rows: int


def split(source: Path, directory: str, *, rows: int, total: int = 0) -> list[Shard]:
    """Write the rows of a CSV into shards of at least so many `rows`, each with the header.

    Every value is written as the text that it is, quoted. The shards are in the order of the rows, and so are their
    names.

    Args:
        source: The file.
        directory: One that all workers reach (`ml.beam.shared_files`).
        rows: How many rows a shard has before the next one begins.
        total: How many rows there are, if that is known, for the progress.

    Raises:
        DataError: The file is no table, so that a row would be lost; reading the file itself tells its lines
            (`ml.data.csv_reader`).
    """
    names, header_lines = header(source)
    columns = [str(place) for place in range(len(names))]  # unique, as Arrow wants them
    broken = 0

    def note(_: arrow_csv.InvalidRow) -> str:
        nonlocal broken
        broken += 1
        return "skip"

    try:
        reader = arrow_csv.open_csv(
            source,
            read_options=arrow_csv.ReadOptions(block_size=BLOCK_BYTES, column_names=columns, skip_rows=header_lines),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string()), null_values=[]),
        )
        shards = [*_written(iter(reader), names, directory, rows, total)]
    except pa.ArrowInvalid as error:
        raise DataError(f"{source.name}: cannot be parsed as CSV: {error}.", "Export it again as UTF-8 CSV.") from error
    if broken:
        raise DataError(f"{source.name}: {broken} broken rows.", "Export it again; quote commas in values.")
    return shards


def _written(
    batches: Iterator[pa.RecordBatch], names: list[str], directory: str, rows: int, total: int
) -> Iterator[Shard]:
    quoted = arrow_csv.WriteOptions(include_header=False)  # as Arrow writes all texts
    number = 0
    with Progress("shards", total) as progress:
        while (batch := next(batches, None)) is not None:
            place, written = joined(directory, f"part-{number:05}.csv"), 0
            with writable(place) as path, path.open("wb") as sink:
                sink.write(_line(names))
                while batch is not None:
                    arrow_csv.write_csv(batch, sink, quoted)
                    written += batch.num_rows
                    progress.advance(batch.num_rows)
                    batch = next(batches, None) if written < rows else None
            yield Shard(place, written)
            number += 1


def _line(names: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(names)
    return text.getvalue().encode()
