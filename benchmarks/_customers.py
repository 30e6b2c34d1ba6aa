"""The file that a benchmark runs on."""

from __future__ import annotations

from pathlib import Path

from ml.data.sample import write_csv
from ml.storage.root import PROJECT

REAL_FILE = PROJECT.parent / "shared" / "data" / "Train.csv"


def customers(given: Path | None, folder: Path) -> Path:
    """`given`, else Kaggle's Train.csv where it lies beside the project, else made-up customers in `folder`."""
    file = given or REAL_FILE
    if not file.is_file():
        file = folder / "sample.csv"
        write_csv(file, rows=8000, seed=3)
        print("(made-up customers: give the path of Train.csv)")
    return file
