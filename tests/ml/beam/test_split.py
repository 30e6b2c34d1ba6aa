"""The shards of a file hold its rows, value by value, whatever is in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.beam.split import split
from ml.config.settings import BeamSettings
from ml.data import csv_reader
from ml.data.csv_reader import read_columns
from ml.storage.root import Root
from tests.ml.beam.same_step import assert_validates_alike, in_parts

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries', as in the process of its own


@pytest.mark.parametrize("rows", [1, 700, 10_000])
def test_the_shards_hold_every_row_as_it_is(
    odd_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    whole = read_columns(odd_csv)
    (place := tmp_path / "shards").mkdir()
    monkeypatch.setattr("ml.beam.split.BLOCK_BYTES", 40_000)
    shards = split(odd_csv, str(place), rows=rows)
    assert (len(shards) > 1) is (rows < 3000)
    monkeypatch.setattr(csv_reader, "BLOCK_BYTES", 1 << 20)
    read = [read_columns(Path(shard.path)) for shard in shards]
    assert [len(one["ID"]) for one in read] == [shard.rows for shard in shards]
    for name, column in whole.items():
        assert [value for one in read for value in one[name].to_pylist()] == column.to_pylist(), name


def test_the_step_validate_says_the_same_with_a_runner(
    libraries: None, odd_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_parts(monkeypatch, shard=20_000, rows=500, identifiers=1000)
    assert_validates_alike(Root(tmp_path / "root"), odd_csv, BeamSettings("DirectRunner", (), 300.0, ""))
