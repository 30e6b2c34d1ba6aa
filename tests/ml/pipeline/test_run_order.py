"""The order of runs is that in which they began, whatever a clock said meanwhile."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml.config.settings import Settings, resolve
from ml.pipeline.run import Run
from ml.pipeline.run_record import runs
from ml.registry.ledger.entries import CONFIRMED, INTENT
from ml.registry.ledger.ledger import Ledger
from ml.registry.retention import clean_up
from ml.storage.root import Root
from tests.ml.light_world import stand_in
from tests.prometheus.exported import values

YEAR = 365 * 86400.0


@pytest.fixture
def settings(root: Root) -> Iterator[Settings]:
    with stand_in(root) as settings:
        yield settings


def begun(root: Root, run_id: str, at: float, outcome: str = "unchanged") -> None:
    """A run that did nothing, on a machine whose clock said `at`."""
    run = Run(root, run_id, resolve(environment={}))
    with run.recording("ingest", begins=True) as result:
        result |= {"outcome": "skipped", "skipped_because": outcome}
    for path in (run.directory, *run.directory.rglob("*")):
        os.utime(path, (at, at))


def test_retention_keeps_the_runs_that_began_last(root: Root) -> None:
    now = time.time()
    for name, at in (("old", now - 9), ("future", now + YEAR), ("new", now - 5), ("newest", now - 4)):
        begun(root, name, at)
    assert [record.directory.name for record in runs(root)] == ["newest", "new", "future", "old"]
    clean_up(root, resolve(overrides=["keep.runs=2"], environment={}))
    assert sorted(path.name for path in root.runs.iterdir()) == ["new", "newest"]


def test_runs_without_a_number_come_before_those_with_one(root: Root) -> None:
    now = time.time()
    for name, at in (("b", now + YEAR), ("a", now - 9)):
        begun(root, name, at)
        (root.run(name) / "run.json").unlink()
    begun(root, "with", now - 100)
    assert [record.directory.name for record in runs(root)] == ["with", "b", "a"]


def test_a_run_that_begins_anew_is_the_last(root: Root) -> None:
    for name in ("a", "b", "a"):
        begun(root, name, time.time())
    assert [record.directory.name for record in runs(root)] == ["a", "b"]


def test_a_result_from_the_future_does_not_hide_that_nothing_happens(root: Root) -> None:
    now = time.time()
    begun(root, "old", now - 9 * 86400)
    begun(root, "future", now + YEAR)
    found = values(root)
    assert found["retrain_last_result_timestamp_seconds", ("unchanged",)] == pytest.approx(now - 9 * 86400)
    assert found["retrain_exporter_skipped", ("runs",)] == 1
    begun(root, "new", now - 3, outcome="rejected")
    assert values(root)["retrain_last_run_outcome", ("rejected",)] == 1


def test_nor_does_an_entry_of_the_ledger_from_the_future(root: Root) -> None:
    now = datetime.now(UTC)
    for days, number in ((-9, 1), (365, 2)):
        ledger = Ledger(root.ledger, clock=lambda days=days: now + timedelta(days=days))  # type: ignore[misc]
        ledger.append(INTENT, run_id="r", version=number, model_sha256="m")
        ledger.append(CONFIRMED, run_id="r", version=number)
    found = values(root)
    at = found["retrain_last_result_timestamp_seconds", ("promoted",)]
    assert at == pytest.approx(now.timestamp() - 9 * 86400, abs=1)


def test_withdrawn_versions_are_ordered_by_their_number(root: Root, settings: Settings) -> None:
    for number in (9, 10, 11, 2):
        (root.withdrawn / str(number)).mkdir(parents=True)
        os.utime(root.withdrawn / str(number), (1000 - number, 1000 - number))
    (root.withdrawn / "3.record").mkdir()
    clean_up(root, resolve(overrides=["keep.versions=2", "keep.days=0"], environment={}))
    assert sorted(path.name for path in root.withdrawn.iterdir()) == ["10", "11", "3.record"]


def test_a_damaged_note_is_as_none(root: Root) -> None:
    for name, content in (("a", "["), ("b", "[]"), ("c", json.dumps({"sequence": "7"})), ("d", "[" * 100_000)):
        path = root.run(name) / "run.json"
        path.parent.mkdir(parents=True)
        path.write_text(content)
    begun(root, "e", time.time())
    assert json.loads((root.run("e") / "run.json").read_text())["sequence"] == 1
    assert Path(root.run("e") / "results" / "ingest.json").is_file()
