"""Ingest of the built-in sample."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ml.config.settings import resolve
from ml.data import sample
from ml.data.ingest import ingest
from ml.data.sample import generate, write_csv
from ml.storage.root import Root


def test_the_sample_is_the_same_for_the_same_rows_and_seed(tmp_path: Path) -> None:
    made = []
    for name, seed in (("first", 7), ("again", 7), ("other", 8)):
        (tmp_path / name).mkdir()
        settings = dataclasses.replace(resolve(environment={}).data, source="sample", sample_rows=50, sample_seed=seed)
        made.append(ingest(settings, root=Root(tmp_path), out=tmp_path / name))
    assert [path.name for path in made[0].path.iterdir()] == ["data.csv"]
    assert (made[0].rows, made[0].source) == (50, "sample:50 rows, seed 7")
    assert made[0].sha256 == made[1].sha256 != made[2].sha256


def test_the_sample_is_the_same_however_many_lines_are_written_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_csv(tmp_path / "whole.csv", rows=1000, seed=3)
    monkeypatch.setattr(sample, "LINES_AT_A_TIME", 7)
    write_csv(tmp_path / "parts.csv", rows=1000, seed=3)
    assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    columns = generate(1000, 3)
    assert (columns["ID"][0], columns["ID"][-1], len(columns["Age"])) == (500_000, 500_999, 1000)
