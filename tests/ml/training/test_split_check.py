"""After the split no evaluation row has the features of a train row; what the check refuses, and what it lets pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

import ml.training.raw_batch as step
from ml.artifacts import Accepted
from ml.config.settings import resolve
from ml.data.schema import seed_schema
from ml.errors import FinalError
from ml.training.split_check import require_apart
from ml.training.transform import transform

SETTINGS = resolve(environment={})


@pytest.fixture
def accepted(sample_csv: Path, tmp_path: Path) -> Accepted:
    return Accepted(tmp_path, "", 3000, sample_csv, [], {})


def transformed(accepted: Accepted, out: Path) -> Path:
    out.mkdir()
    transform(accepted, schema=seed_schema(), settings=SETTINGS.transform, target=SETTINGS.target, out=out)
    return out


def test_the_sides_that_transform_writes_share_nothing(accepted: Accepted, tmp_path: Path) -> None:
    out = transformed(accepted, tmp_path / "out")
    require_apart(out / "train.parquet", out / "eval.parquet")


def test_a_split_that_does_not_go_by_profile_is_refused(
    accepted: Accepted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def every_fifth_row(hashes: NDArray[np.uint64], share: float) -> NDArray[np.bool_]:
        return np.asarray(np.arange(len(hashes)) % 5 == 0)

    monkeypatch.setattr(step, "is_eval", every_fifth_row)
    with pytest.raises(FinalError, match=r"of 600 evaluation rows have the features of a train row \(Gender "):
        transformed(accepted, tmp_path / "out")


def test_one_row_that_is_put_on_both_sides_is_found_whatever_its_profile_column_says(
    accepted: Accepted, tmp_path: Path
) -> None:
    out = transformed(accepted, tmp_path / "out")
    train, held = (pq.read_table(out / f"{side}.parquet") for side in ("train", "eval"))
    lost = held.slice(7, 1)
    lost = lost.set_column(lost.schema.get_field_index("profile"), "profile", pa.array([1], pa.uint64()))
    pq.write_table(pa.concat_tables([train, lost.cast(train.schema)]), out / "train.parquet", row_group_size=100)
    with pytest.raises(FinalError, match=rf"^1 of {held.num_rows} evaluation rows .*Family_Size"):
        require_apart(out / "train.parquet", out / "eval.parquet")
