"""The file of customers on which a benchmark runs."""

from __future__ import annotations

from pathlib import Path

from ml.data.sample import write_csv
from ml.storage.root import PROJECT

REAL_FILE = PROJECT.parent / "shared" / "data" / "Train.csv"


def customers_file(given: Path | None, folder: Path) -> Path:
    """The file that was given, else Kaggle's Train.csv beside the project, else made-up customers in `folder`."""
    file = given or REAL_FILE
    if not file.is_file():
        file = folder / "sample.csv"
        write_csv(file, rows=8000, seed=3)
        print("(made-up customers: give the path of Train.csv)")
    return file
