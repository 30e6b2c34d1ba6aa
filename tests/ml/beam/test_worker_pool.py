"""The pool starts workers that compute as the steps do, and ends the one that is meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from ml.beam import worker_pool
from ml.beam.worker_pool import WorkerPool

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries', as in the process of its own


@pytest.mark.parametrize(("given", "expected"), [(None, "0"), ("1", "1")])
def test_a_worker_adds_up_as_the_steps_do_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, expected: str
) -> None:
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if given is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", given)
    monkeypatch.setattr(
        worker_pool,
        "WORKER",
        "import os, pathlib, sys; pathlib.Path(sys.argv[2]).write_text(os.environ['TF_ENABLE_ONEDNN_OPTS'])",
    )
    pool, told = WorkerPool(), tmp_path / "told"
    assert not pool.StartWorker(asked_for(str(told)), asked_by("one")).error
    (worker,) = pool._workers.values()
    worker.wait(30)
    assert told.read_text() == expected


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerPool]:
    monkeypatch.setattr(worker_pool, "WORKER", "import time; time.sleep(60)")
    pool = WorkerPool()
    yield pool
    for worker in pool._workers.values():
        worker.kill()
        worker.wait()


def test_of_two_workers_with_one_name_the_one_ends_that_its_asker_means(pool: WorkerPool) -> None:
    """As when two TaskManagers of Flink, each of which counts its own workers, have one pool."""
    for connection in ("one", "two"):
        pool.StartWorker(asked_for("1-1"), asked_by(connection))
    first, second = pool._workers.values()
    pool.StopWorker(asked_for("1-1"), asked_by("one"))
    assert first.poll() is not None
    assert second.poll() is None
    assert [*pool._workers.values()] == [second]


def test_a_worker_ends_although_its_asker_has_another_connection_if_there_is_only_one_of_that_name(
    pool: WorkerPool,
) -> None:
    pool.StartWorker(asked_for("1-1"), asked_by("one"))
    (worker,) = pool._workers.values()
    pool.StopWorker(asked_for("1-1"), asked_by("another"))
    assert worker.poll() is not None


def test_no_worker_ends_if_it_cannot_be_told_which_is_meant(pool: WorkerPool) -> None:
    for connection in ("one", "two"):
        pool.StartWorker(asked_for("1-1"), asked_by(connection))
    assert not pool.StopWorker(asked_for("1-1"), asked_by("another")).error
    assert [worker.poll() for worker in pool._workers.values()] == [None, None]


def asked_for(worker: str) -> SimpleNamespace:
    return SimpleNamespace(control_endpoint=SimpleNamespace(url="localhost:1"), worker_id=worker)


def asked_by(connection: str) -> SimpleNamespace:
    return SimpleNamespace(peer=lambda: connection)
