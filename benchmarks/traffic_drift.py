"""How often a look at the traffic finds a drift when the customers are those of the training data.

    .venv-ml/bin/python -m benchmarks.traffic_drift [Train.csv] [--looks 300] [--customers 1000 2000]

Customers are drawn with replacement from the file, asked about, and compared with it as `python -m ml monitor` does.
What is printed is the share of looks with a finding, and how far the farthest column was, in thresholds.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks._customers import customers_file
from ml.data.csv_reader import ArrowColumns, read_columns
from ml.data.features import CATEGORICAL, FEATURES
from ml.data.schema import seed_schema
from ml.drift.column_drift import TrainingStatistics, column_drift
from ml.drift.traffic import read_traffic
from ml.validation.tfdv_statistics import generate_statistics
from serving.records.row import RecordedRow, Value

FEWEST = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--looks", type=int, default=300)
    parser.add_argument("--customers", type=int, nargs="+", default=[1000, 2000])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        columns = read_columns(customers_file(given.data, Path(folder)))
    training, schema = TrainingStatistics(generate_statistics(columns)), seed_schema()
    rows, generator = customers_of(columns), np.random.default_rng(5)
    print(
        f"{'customers':>9} {'looks':>6} {'findings':>9} {'median':>7} {'95 %':>7} {'largest':>8}  (times the threshold)"
    )
    for customers in given.customers:
        farthest, found = [], 0
        for _ in range(given.looks):
            drawn = generator.integers(0, len(rows), customers)
            traffic = read_traffic(asked(rows, drawn.tolist()), schema, ranges=training.ranges(), threshold=0.5)
            drift = column_drift(traffic, training, schema, version=1, fewest=FEWEST)
            farthest.append(max(drift.distances[name] / drift.thresholds[name] for name in drift.distances))
            found += bool(drift.findings)
        marks = " ".join(f"{mark:7.2f}" for mark in np.quantile(farthest, [0.5, 0.95]))
        print(f"{customers:9,} {given.looks:6} {found:9} {marks} {max(farthest):8.2f}", flush=True)


def customers_of(columns: ArrowColumns) -> list[dict[str, Value]]:
    """The features of each customer as a client sends them: a missing text is empty, a missing number NaN."""
    texts = {name: columns[name].to_pylist() for name in FEATURES}
    missing: dict[str, Value] = {name: "" if name in CATEGORICAL else math.nan for name in FEATURES}
    rows = zip(*(texts[name] for name in FEATURES), strict=True)
    return [
        {name: missing[name] if value is None else value for name, value in zip(FEATURES, row, strict=True)}
        for row in rows
    ]


def asked(customers: list[dict[str, Value]], drawn: list[int]) -> Iterator[RecordedRow]:
    """The record of requests about these customers, each of whom is another one."""
    for number, place in enumerate(drawn):
        yield RecordedRow(
            "2026-11-29T08:00:00+00:00", "r", number, "m", "1", 0.3, "rest", f"{number}", customers[place]
        )


if __name__ == "__main__":
    main()
