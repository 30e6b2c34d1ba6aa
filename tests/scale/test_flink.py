"""The steps on a Flink cluster of processes, whose workers and TaskManagers are killed in the middle of a job.

Run by `make test-scale`, which fetches Flink.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ml.config.settings import BeamSettings
from ml.data.sample import write_csv
from ml.errors import TransientError
from ml.evaluation.rows.evaluation_rows import BATCH_ROWS
from ml.pipeline.local_runner import retrain
from ml.pipeline.run import Run
from ml.pipeline.step_names import STEPS
from ml.pipeline.steps import run_step
from ml.storage.root import Root
from stack.flink.cluster import Cluster, running
from tests.ml.beam.same_evaluation import assert_evaluates_alike
from tests.ml.beam.same_evaluation import in_process as evaluated_in_process
from tests.ml.beam.same_examples import assert_transforms_alike
from tests.ml.beam.same_statistics import assert_same, by_runner, in_process, shards_of
from tests.ml.beam.same_step import assert_validates_alike, in_parts
from tests.ml.conftest import QUICK, settings_of
from tests.prometheus.debian import eventually
from tests.scale.flink_lives import reader_of, task_manager_of
from tests.scale.held import waits_for_data

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries', as in the process of its own
ROWS = 50_000
SHARDS = 6
DEADLINE = 400.0
"""Beside other work a job took 45 to 90 seconds."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "customers.csv"
    write_csv(path, rows=ROWS, seed=7)
    return path


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


def on(cluster: Cluster, *, deadline: float = DEADLINE) -> BeamSettings:
    return BeamSettings("PortableRunner", cluster.options(), deadline, "")


def test_the_step_validate_finds_the_same_on_two_task_managers(
    cluster: Cluster, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_parts(monkeypatch, shard=1 << 17, rows=1, identifiers=4000)
    assert_validates_alike(Root(tmp_path), whole, on(cluster))


def test_the_step_transform_makes_the_same_files_on_two_task_managers(
    cluster: Cluster, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.beam.split.ROWS", ROWS // SHARDS)
    monkeypatch.setattr("ml.beam.split.BLOCK_BYTES", 100_000)
    assert_transforms_alike(Root(tmp_path), whole, on(cluster))


def test_the_step_evaluate_finds_the_same_on_two_task_managers(
    cluster: Cluster, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.evaluation.workers.job.ROWS", BATCH_ROWS)
    root = Root(tmp_path / "root")
    assert retrain(root, settings_of(whole, *QUICK), run_id="first", force=False).outcome == "promoted"
    run = Run(root, "second", settings_of(whole, *QUICK, "train.seed=5"), force=True)
    for name in STEPS[: STEPS.index("evaluate")]:
        run_step(name, run)
    assert_evaluates_alike(run, evaluated_in_process(run, tmp_path / "other"), on(cluster))


def test_a_job_that_takes_too_long_is_cancelled(cluster: Cluster, tmp_path: Path) -> None:
    shard = tmp_path / "never.csv"
    os.mkfifo(shard)
    before = cluster.jobs().keys()
    with ThreadPoolExecutor() as threads:
        job = threads.submit(by_runner, [shard], on(cluster, deadline=90.0), tmp_path / "job")
        pipe = waits_for_data(shard, within=DEADLINE)
        try:
            with pytest.raises(TransientError, match="RUNNING after 90 s and has been cancelled"):
                job.result(DEADLINE)
            (name,) = cluster.jobs().keys() - before
            eventually(lambda: cluster.jobs()[name]["state"] == "CANCELED")
        finally:
            os.close(pipe)


@pytest.mark.parametrize("lost", ["worker", "TaskManager"])
def test_the_same_job_comes_to_the_same_numbers_although_one_is_killed(
    cluster: Cluster, whole: Path, tmp_path: Path, lost: str
) -> None:
    """In the middle of a shard. Flink begins its tasks again, on the other TaskManager if need be; the last test."""
    shards, out = shards_of(whole, tmp_path, count=SHARDS), tmp_path / "job"
    before = cluster.jobs().keys()
    kept = shards[-1].rename(tmp_path / "kept")
    os.mkfifo(shards[-1])
    with ThreadPoolExecutor() as threads:
        job = threads.submit(by_runner, shards, on(cluster), out)
        pipe = waits_for_data(shards[-1], within=DEADLINE)
        try:
            worker = reader_of(shards[-1], cluster)
            kept.replace(shards[-1])  # for whoever reads it next
            if lost == "worker":
                worker.signal(signal.SIGKILL)
            else:
                cluster.kill_task_manager(task_manager_of(worker, cluster))
            found = job.result(DEADLINE)
        finally:
            os.close(pipe)
    assert_same(found, in_process(whole), whole)
    (name,) = cluster.jobs().keys() - before
    one = cluster.jobs()[name]
    assert one["state"] == "FINISHED"
    assert cluster.ask(f"/jobs/{one['jid']}/exceptions")["exceptionHistory"]["entries"], "it has lost tasks"
    assert not worker.is_alive()
