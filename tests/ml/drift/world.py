"""A root with a version of made-up customers, and a record of what others were asked about; no model is needed."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ml.data.csv_reader import read_columns
from ml.data.features import CATEGORICAL, FEATURES
from ml.data.sample import write_csv
from ml.evaluation.scored_rows import ScoredRows
from ml.registry.ledger.entries import CONFIRMED, INTENT, PUBLISHED
from ml.registry.ledger.ledger import Ledger
from ml.storage.files import write_json
from ml.storage.root import Root
from ml.validation.tfdv_statistics import generate_statistics
from serving.records.journal import Journal
from serving.records.private_files import private_directory
from serving.records.row import RecordedRow, Value

MODEL = "customer-model"
DAY = date(2026, 11, 29)
Customer = dict[str, Value]
Changed = Callable[[Customer], Customer]


def customers_of(csv: Path) -> list[Customer]:
    """The features of a file as a client sends them: a missing text is empty, a missing number NaN."""
    columns = {name: column.to_pylist() for name, column in read_columns(csv).items() if name in FEATURES}
    missing: dict[str, Value] = {name: "" if name in CATEGORICAL else math.nan for name in FEATURES}
    rows = zip(*(columns[name] for name in FEATURES), strict=True)
    return [
        {name: missing[name] if value is None else value for name, value in zip(FEATURES, row, strict=True)}
        for row in rows
    ]


def release(root: Root, version: int = 1, *, rows: int = 8000) -> list[Customer]:
    """A confirmed version of so many customers, a quarter of whom are called targets; returns them."""
    csv = root.path / "customers.csv"
    write_csv(csv, rows=rows, seed=11)
    place = root.release(version)
    place.mkdir(parents=True)
    (place / "statistics.pb").write_bytes(generate_statistics(read_columns(csv)).SerializeToString())
    write_json(place / "release.json", {"threshold": 0.5})
    calibration = {"intercept": 0.0, "slope": 1.0, "covariance": [[0.002, 0.0], [0.0, 0.002]], "rows": 1600}
    write_json(place / "evaluation.json", {"rows": 1600, "calibration": calibration})
    probability = probabilities(1600)
    labels = (np.random.default_rng(2).random(1600) < probability).astype(np.int8)
    ids = np.arange(1600, dtype=np.uint64)
    empty = np.zeros((0, 1600), np.float32)
    ScoredRows(ids, ids, labels, probability, empty, None, {}).write(place / "rows.npz")
    ledger = Ledger(root.ledger)
    ledger.append(INTENT, run_id=f"run-{version}", version=version, model_sha256=f"model-{version}")
    for event in (PUBLISHED, CONFIRMED):
        ledger.append(event, run_id=f"run-{version}", version=version)
    return customers_of(csv)


def probabilities(rows: int, *, more: float = 0.0, seed: int = 1) -> Any:
    """What a model says of customers: of a quarter of them 0.7, of the others 0.2, and of `more` of them 0.7, too."""
    drawn = np.random.default_rng(seed).random(rows)
    return np.where(drawn < 0.25 + more, 0.7, 0.2).astype(np.float32)


def record(
    root: Root,
    customers: list[Customer],
    rows: int,
    *,
    change: Changed = lambda customer: customer,
    more: float = 0.0,
    version: str = "1",
    day: date = DAY,
    seed: int = 4,
    named: bool = False,
) -> None:
    """Let the record have rows about customers who are drawn from these."""
    drawn = np.random.default_rng(seed).integers(0, len(customers), rows)
    said = probabilities(rows, more=more, seed=seed)

    def lines() -> Iterator[bytes]:
        for number, (place, probability) in enumerate(zip(drawn, said, strict=True), start=1):
            time = f"{day}T08:00:00.000000+00:00"
            label = "D" if probability >= 0.5 else "rest"
            who = f"{seed}-{number}" if named else None
            features = change(dict(customers[place]))
            row = RecordedRow(time, f"r{seed}", number, MODEL, version, float(probability), label, who, features)
            yield row.line()

    directory = root.path / "record"
    private_directory(directory, "--record")
    journal = Journal(directory, datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    journal.append(b"".join(lines()))
    journal.close()


def older(customer: Customer) -> Customer:
    """The same customer twelve years later, or as old as anybody was."""
    age = customer["Age"]
    return customer | ({"Age": min(age + 12, 89.0)} if isinstance(age, float | int) else {})


def main(directory: str) -> None:
    """A root whose customers have become older today; for tests that have no TensorFlow of their own."""
    root, today = Root.find(directory), datetime.now(UTC).date()
    record(root, release(root), 3000, change=older, day=today)


if __name__ == "__main__":
    main(sys.argv[1])
