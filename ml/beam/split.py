"""A CSV file as several, so that several workers can read it."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as arrow_csv

from ml.data.csv_reader import BLOCK_BYTES, header

ROWS = 500_000
"""Enough for a shard, which is some seconds of work for a worker then."""


def split(source: Path, directory: Path, *, rows: int) -> list[Path]:
    """Write the rows of a CSV into shards of at least so many `rows`, each with the header, and return their paths.

    Every value is written as the text that it is, quoted. Rows with another number of fields are left out: reading the
    file itself refuses it for them.

    Args:
        source: The file.
        directory: An empty directory under a path that each worker can open.
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
    shards: list[Path] = []
    written = rows
    for batch in reader:
        if written >= rows:
            shards.append(directory / f"part-{len(shards):05}.csv")
            with shards[-1].open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerow(names)
            written = 0
        with shards[-1].open("ab") as sink:
            arrow_csv.write_csv(batch, sink, arrow_csv.WriteOptions(include_header=False))  # which quotes all texts
        written += batch.num_rows
    return shards
