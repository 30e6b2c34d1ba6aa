"""Holding what the step `validate` says with a runner against what it says in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from ml.config.settings import BeamSettings, resolve
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.storage.root import Root
from tests.ml.beam.same_statistics import assert_same


def in_parts(monkeypatch: pytest.MonkeyPatch, *, shard: int, rows: int, identifiers: int) -> None:
    """Let small files have several shards and ranges.

    Args:
        monkeypatch: That of the test.
        shard: The bytes of a block of the file, of which a shard has at least one.
        rows: How many rows a shard has at least.
        identifiers: How many are sorted together, about.
    """
    monkeypatch.setattr("ml.beam.split.BLOCK_BYTES", shard)
    monkeypatch.setattr("ml.beam.split.ROWS", rows)
    monkeypatch.setattr("ml.validation.counts.by_runner.ROWS_A_RANGE", identifiers)


def statistics_in(place: Path) -> Any:
    """What the step wrote into its directory."""
    return statistics_pb2.DatasetFeatureStatisticsList.FromString((place / "statistics.pb").read_bytes())


def assert_validates_alike(root: Root, csv: Path, beam: BeamSettings) -> None:
    """The same report, and statistics as `assert_same` asks; no shard is left."""
    plain = [f"data.source={str(csv)!r}"]
    with_runner = [
        *plain,
        f"beam.runner={beam.runner}",
        f"beam.options={json.dumps(list(beam.options))}",
        f"beam.deadline_seconds={beam.deadline_seconds}",
        f"beam.directory={beam.directory!r}",
    ]
    found = []
    for name, overrides in (("plain", plain), ("beam", with_runner)):
        run = Run(root, name, resolve(overrides=overrides, environment={}))
        run_step("ingest", run)
        run_step("validate", run)
        place = run.step_directory("validate")
        found.append((json.loads((place / "validation.json").read_text()), statistics_in(place)))
        assert not list(run.directory.glob(".beam-*"))
    (ours, by_beam), (expected, in_process) = found[1], found[0]
    assert ours == expected
    assert_same(by_beam, in_process, csv)
