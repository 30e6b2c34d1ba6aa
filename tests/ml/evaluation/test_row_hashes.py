"""Which share of the rows is new or changed since a version was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ml.evaluation.row_hashes import changed_share
from ml.training.split import row_hashes


@pytest.mark.parametrize(
    ("today", "before", "share"),
    [
        ([1, 2, 3, 4], [4, 3, 2, 1], 0.0),
        ([1, 2, 3, 9], [1, 2, 3, 4], 0.25),
        ([1, 2], [], 1.0),
        ([7, 7, 7, 7], [7], 0.75),
        ([1], [1, 2, 3], 0.0),
    ],
)
def test_new_rows_count(tmp_path: Path, today: list[int], before: list[int], share: float) -> None:
    np.save(tmp_path / "today.npy", np.sort(np.array(today, np.uint64)))
    assert changed_share(tmp_path / "today.npy", np.array(before, np.uint64)) == share


def test_nobody_knows_the_rows_of_an_older_version(tmp_path: Path) -> None:
    np.save(tmp_path / "today.npy", np.array([1], np.uint64))
    assert changed_share(tmp_path / "today.npy", None) is None


def test_a_row_is_another_one_with_another_value_or_label() -> None:
    from ml.data.features import FEATURES, NUMERIC

    def columns(age: float) -> dict[str, pa.Array]:
        return {
            name: pa.array([age if name == "Age" else 1.0]) if name in NUMERIC else pa.array(["x"]) for name in FEATURES
        }

    negative, positive = np.array([0], np.int8), np.array([1], np.int8)
    found = {int(row_hashes(columns(age), labels)[0]) for age in (20.0, 21.0) for labels in (negative, positive)}
    assert len(found) == 4
    assert row_hashes(columns(20.0), negative) == row_hashes(columns(20.0), negative)
