"""Rows of the record as a Parquet file: a column for each feature, after those that all have."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from serving.records.row import RecordedRow, Value, number_text

ENDING = ".parquet"
FEATURE = "feature."
"""What begins the name of a feature's column, so that none is taken for another column."""
_TYPES = {
    "time": pa.timestamp("us", tz="UTC"),
    "row": pa.int64(),
    "probability": pa.float64(),
    "propensity": pa.float64(),
}
_COLUMNS = tuple(field.name for field in fields(RecordedRow) if field.name != "features")
_LATER = frozenset({"propensity", "group"})
"""Files that were written before there were lists in the record are without these columns."""
_ROWS_AT_ONCE = 10_000


def write_rows(rows: Sequence[RecordedRow], path: Path) -> None:
    """Writes a file.

    A feature's column has numbers (float64; null is missing) when all rows have numbers there, else text.

    Args:
        rows: The rows.
        path: Where to write.
    """
    columns: dict[str, Any] = {}
    for name in _COLUMNS:
        values: list[Any] = [getattr(row, name) for row in rows]
        if name == "time":
            values = [datetime.fromisoformat(value) for value in values]
        columns[name] = pa.array(values, _TYPES.get(name, pa.string()))
    for name in dict.fromkeys(name for row in rows for name in row.features):
        columns[f"{FEATURE}{name}"] = _feature([row.features.get(name) for row in rows])
    pq.write_table(pa.table(columns), path, compression="zstd")


def _feature(values: Sequence[Value]) -> Any:
    if all(value is None or isinstance(value, int | float) for value in values):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([value if value is None or isinstance(value, str) else number_text(value) for value in values])


def read_rows(path: Path) -> Iterator[RecordedRow]:
    """Yields the rows of a file, also of one that was written before rows had a propensity and a group.

    Raises:
        OSError: It cannot be read.
        pyarrow.ArrowInvalid: It is no Parquet file.
    """
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
            for found in batch.to_pylist():
                features = {
                    name.removeprefix(FEATURE): value
                    for name, value in found.items()
                    if name.startswith(FEATURE) and value is not None
                }
                common = {name: found[name] for name in _COLUMNS if name in found or name not in _LATER}
                common["time"] = common["time"].astimezone(UTC).isoformat(timespec="microseconds")
                if common["probability"] is not None and math.isnan(common["probability"]):
                    common["probability"] = None
                yield RecordedRow(**common, features=features)
