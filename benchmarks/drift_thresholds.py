"""TFDV's distances between two samples when nothing has drifted: where the thresholds of the schema come from.

    .venv-ml/bin/python -m benchmarks.drift_thresholds [Train.csv] [--repetitions 300] [--rows 8068]

Two samples of n rows each are drawn with replacement from the file (two halves would only measure n/2), and TFDV
compares them. What comes out is the noise of sampling; a threshold is its 99.9 % quantile, for which the thresholds in
the schema used 3,000 repetitions.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pyarrow as pa
import tensorflow_data_validation as tfdv

from benchmarks._customers import customers_file
from ml.data.csv_reader import read_columns
from ml.data.features import CATEGORICAL, FEATURES
from ml.data.schema import seed_schema
from ml.validation.tfdv_statistics import generate_statistics


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--repetitions", type=int, default=300)
    parser.add_argument("--rows", type=int, nargs="+", default=[8068])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = customers_file(given.data, Path(folder))
        everything = read_columns(data)
    columns = {name: everything[name] for name in FEATURES}
    schema, rng, total = seed_schema().message, np.random.default_rng(0), len(columns["Age"])
    for rows in given.rows:
        found: dict[str, list[float]] = {name: [] for name in FEATURES}
        for _ in range(given.repetitions):
            first, second = (
                generate_statistics({name: column.take(drawn) for name, column in columns.items()})
                for drawn in (pa.array(rng.integers(0, total, rows)) for _ in range(2))
            )
            compared = tfdv.validate_statistics(first, schema, environment="SERVING", previous_statistics=second)
            for info in compared.drift_skew_info:
                found[info.path.step[0]].append(info.drift_measurements[0].value)
        print(f"{rows} rows against {rows}, {given.repetitions} repetitions")
        print(f"{'feature':16} {'distance':15} {'median':>9} {'99 %':>9} {'99.9 %':>9} {'largest':>9}")
        for name, values in found.items():
            distance = "L-infinity" if name in CATEGORICAL else "Jensen-Shannon"
            marks = [*np.quantile(values, [0.5, 0.99, 0.999]), max(values)]
            print(f"{name:16} {distance:15} " + " ".join(f"{mark:9.5f}" for mark in marks))


if __name__ == "__main__":
    main()
