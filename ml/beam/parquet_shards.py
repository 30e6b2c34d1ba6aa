"""A Parquet file as several, so that several workers can read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.beam.shared_files import joined, writable


def split_parquet(
    source: Path, directory: str, *, columns: Sequence[str], rows: int, also: Mapping[str, NDArray[Any]] | None = None
) -> list[str]:
    """Write the rows of a Parquet file into shards of exactly so many `rows`, the last of what is left.

    Args:
        source: The file; it is read batch by batch.
        directory: One that all workers reach (`ml.beam.shared_files`).
        columns: Those that the shards have.
        rows: How many rows a shard has.
        also: More columns by name, one value for each row of the file.

    Returns:
        The paths of the shards, in the order of the rows, as their names are; none for a file without rows.
    """
    shards: list[str] = []
    batches = pq.ParquetFile(source).iter_batches(columns=list(columns))
    for number, table in enumerate(_cut(batches, rows)):
        for name, values in (also or {}).items():
            table = table.append_column(name, pa.array(values[number * rows :][: table.num_rows]))
        shards.append(joined(directory, f"part-{number:05}.parquet"))
        with writable(shards[-1]) as path:
            pq.write_table(table, path)
    return shards


def _cut(batches: Iterable[Any], rows: int) -> Iterator[Any]:
    waiting: list[Any] = []
    for batch in batches:
        rest = batch
        while (needed := rows - sum(one.num_rows for one in waiting)) <= rest.num_rows:
            yield pa.Table.from_batches([*waiting, rest.slice(0, needed)])
            waiting, rest = [], rest.slice(needed)
        if rest.num_rows:
            waiting.append(rest)
    if waiting:
        yield pa.Table.from_batches(waiting)
