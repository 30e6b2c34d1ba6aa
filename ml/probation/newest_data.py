"""The newest customers with their labels: those of the last run whose data were accepted, else the version's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml.artifacts import Accepted
from ml.data.csv_reader import count_rows, parse_numbers, read_columns
from ml.data.features import CATEGORICAL, FEATURES
from ml.data.outcomes.content import data_sha256
from ml.errors import RetrainError
from ml.pipeline.run_record import runs
from ml.registry.kept_data import kept_data
from ml.registry.ledger.ledger import Version
from ml.storage.root import Root

MOST_ROWS = 10_000
"""More would load a server that customers are asking, and tell hardly more."""


@dataclass(frozen=True)
class NewestData:
    """A CSV, the hash of its bytes, and what a person calls it."""

    csv: Path
    sha256: str
    name: str


def newest_data(root: Root, version: Version) -> NewestData | None:
    """Return the newest data that were accepted and are as they were then; None when there are none.

    Data that validation blocked are not among them: what is wrong with them is not the fault of a version.
    """
    for record in runs(root):
        directory = record.directory / "validate"
        try:
            accepted = Accepted.read(directory, root=root.path)
            if data_sha256(accepted.csv) == accepted.sha256:
                return NewestData(accepted.csv, accepted.sha256, f"the data of run {record.directory.name}")
        except (RetrainError, OSError):
            continue
    sha256 = str(version.intent.get("data_sha256", ""))
    csv = kept_data(root, sha256)
    return NewestData(csv, sha256, f"the data of version {version.number}") if csv else None


@dataclass(frozen=True)
class Customers:
    """Customers as the model server takes them, and for each the text of its label, None where it has none."""

    instances: list[dict[str, Any]]
    labels: list[str | None]


def read_customers(csv: Path, label: str) -> Customers:
    """Return at most `MOST_ROWS` customers of a file, evenly spread over it.

    Raises:
        DataError: The file cannot be read as a table.
        KeyError: It lacks a feature.
    """
    columns = read_columns(csv)
    rows = count_rows(columns)
    chosen = pa.array(np.unique(np.linspace(0, max(rows - 1, 0), min(rows, MOST_ROWS)).astype(np.int64)))
    values = {name: _values(columns[name].take(chosen), is_text=name in CATEGORICAL) for name in FEATURES}
    labels = columns[label].take(chosen).to_pylist() if label in columns else [None] * len(chosen)
    return Customers([dict(zip(FEATURES, row, strict=True)) for row in zip(*values.values(), strict=True)], labels)


def _values(column: pa.Array, *, is_text: bool) -> list[Any]:
    if is_text:
        return ["" if value is None else value for value in column.to_pylist()]
    numbers: NDArray[Any] = (
        parse_numbers(column).to_numpy(zero_copy_only=False)
        if column.type == pa.string()
        else (column.to_numpy(zero_copy_only=False))
    )
    return [float(value) for value in numbers.astype(np.float32)]
