"""A data set as a whole: data.csv, the manifest of its shards, and the rows that outcomes added, under one hash."""

from __future__ import annotations

import shutil
from pathlib import Path

from ml.data.outcomes.outcome_rows import NAME, outcomes_beside
from ml.data.shards.manifest import MANIFEST, content_sha256
from ml.storage.files import sha256_file, sha256_json


def data_sha256(csv: Path) -> str:
    """Return the hash of the data set: that of data.csv or its shards, with the added rows if there are any."""
    base, outcomes = content_sha256(csv), outcomes_beside(csv)
    return base if outcomes is None else with_outcomes(base, sha256_file(outcomes))


def with_outcomes(base_sha256: str, rows_sha256: str) -> str:
    """Return the hash of a data set to which outcomes added the rows of a file with this hash."""
    return sha256_json([base_sha256, rows_sha256])


def copy_data(csv: Path, folder: Path) -> Path:
    """Copy the data and what belongs to them into a directory, and return the copy, `data.csv` there."""
    copy = folder / "data.csv"
    shutil.copyfile(csv, copy)
    for name in (MANIFEST, NAME):
        if csv.with_name(name).is_file():
            shutil.copyfile(csv.with_name(name), copy.with_name(name))
    return copy
