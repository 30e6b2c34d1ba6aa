"""The steps on a real engine: Prism and three pools of workers, all of them processes; one pool is killed.

Run by `make test-scale`, which builds Prism.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ml.data.sample import write_csv
from ml.errors import TransientError
from ml.evaluation.rows.evaluation_rows import BATCH_ROWS
from ml.pipeline.local_runner import retrain
from ml.pipeline.run import Run
from ml.pipeline.step_names import STEPS
from ml.pipeline.steps import run_step
from ml.storage.root import PROJECT, Root
from stack.prism.cluster import Cluster, running
from tests.ml.beam.same_evaluation import assert_evaluates_alike
from tests.ml.beam.same_evaluation import in_process as evaluated_in_process
from tests.ml.beam.same_examples import assert_transforms_alike
from tests.ml.beam.same_statistics import assert_same, by_runner, in_process, shards_of
from tests.ml.beam.same_step import assert_validates_alike, in_parts
from tests.ml.conftest import QUICK, settings_of
from tests.ml.validation.damaged_data import SPREAD, report_of
from tests.prometheus.debian import eventually
from tests.scale.held import DEADLINE, on, waits_for_data

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries', as in the process of its own
ROWS = 50_000
SHARDS = 10
UNNOTICED = 60.0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "customers.csv"
    write_csv(path, rows=ROWS, seed=7)
    return path


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("cluster"), pools=3) as cluster:
        yield cluster


def test_a_killed_pool_ends_the_job_and_the_next_try_has_the_same_numbers(
    cluster: Cluster, whole: Path, tmp_path: Path
) -> None:
    """Prism does not give the work of a dead worker to another one: the step's retry does, from the beginning.

    It does not always notice either that the worker is dead; then the deadline ends the job.
    """
    shards, out = shards_of(whole, tmp_path, count=SHARDS), tmp_path / "job"
    kept = shards[-1].rename(tmp_path / "kept")
    os.mkfifo(shards[-1])
    with ThreadPoolExecutor() as threads:
        first = threads.submit(by_runner, shards, on(cluster, 0, deadline=UNNOTICED), out)
        pipe = waits_for_data(shards[-1])
        try:
            (worker,) = cluster.workers(0)
            cluster.kill_pool(0)
            with pytest.raises(
                TransientError, match=r"SDK worker disconnected|was RUNNING after .* has been cancelled"
            ):
                first.result(DEADLINE)
        finally:
            os.close(pipe)
    assert not worker.is_alive()
    assert not [*tmp_path.glob("job.plan*")]
    kept.replace(shards[-1])
    found = by_runner(shards, on(cluster, 1), out)
    assert_same(found, in_process(whole), whole)


def test_a_job_that_takes_too_long_is_cancelled(cluster: Cluster, tmp_path: Path) -> None:
    shard = tmp_path / "never.csv"
    os.mkfifo(shard)
    with ThreadPoolExecutor() as threads:
        job = threads.submit(by_runner, [shard], on(cluster, 2, deadline=20.0), tmp_path / "job")
        pipe = waits_for_data(shard)
        try:
            with pytest.raises(TransientError, match="RUNNING after 20 s and has been cancelled"):
                job.result(DEADLINE)
        finally:
            os.close(pipe)


def test_ctrl_c_cancels_the_job(cluster: Cluster, tmp_path: Path) -> None:
    shard = tmp_path / "never.csv"
    os.mkfifo(shard)
    program = (
        "import sys; from pathlib import Path; from ml.config.settings import BeamSettings; "
        "from tests.ml.beam.same_statistics import by_runner; "
        "settings = BeamSettings('PortableRunner', tuple(sys.argv[3:]), 300.0, ''); "
        "by_runner([Path(sys.argv[1])], settings, Path(sys.argv[2]))"
    )
    command = [sys.executable, "-W", "ignore", "-c", program, shard, tmp_path / "out", *cluster.options(1)]
    with (tmp_path / "log").open("wb") as log:
        step = subprocess.Popen([str(part) for part in command], cwd=PROJECT, stdout=log, stderr=log)
    pipe = waits_for_data(shard)
    try:
        assert cluster.workers(1)
        step.send_signal(signal.SIGINT)
        assert step.wait(DEADLINE) != 0
        assert (tmp_path / "log").read_text().rstrip().endswith("KeyboardInterrupt")
        eventually(lambda: not cluster.workers(1))
    finally:
        step.kill()
        os.close(pipe)


def test_jobs_at_the_same_time_have_workers_of_their_own(cluster: Cluster, whole: Path, tmp_path: Path) -> None:
    shards = shards_of(whole, tmp_path, count=SHARDS)
    with ThreadPoolExecutor() as threads:
        jobs = [threads.submit(by_runner, shards, on(cluster, pool), tmp_path / str(pool)) for pool in (1, 2)]
        found = [job.result(DEADLINE) for job in jobs]
    expected = in_process(whole)
    for statistics in found:
        assert_same(statistics, expected, whole)


def test_the_step_validate_finds_the_same_on_the_engine(
    cluster: Cluster, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_parts(monkeypatch, shard=1 << 18, rows=1, identifiers=8000)
    assert_validates_alike(Root(tmp_path), whole, on(cluster, 2))


@pytest.mark.parametrize("name", SPREAD)
def test_validation_of_damaged_data_finds_the_same_on_the_engine(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    in_parts(monkeypatch, shard=20_000, rows=700, identifiers=400)
    expected = report_of(SPREAD[name], tmp_path / "here")
    assert report_of(SPREAD[name], tmp_path / "there", on(cluster, 1)) == expected


def test_the_step_transform_makes_the_same_files_on_the_engine(
    cluster: Cluster, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.beam.split.ROWS", ROWS // SHARDS)
    monkeypatch.setattr("ml.beam.split.BLOCK_BYTES", 200_000)
    assert_transforms_alike(Root(tmp_path), whole, on(cluster, 2))


def test_the_step_evaluate_finds_the_same_on_the_engine(
    cluster: Cluster, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two shards, asked as in one process; the candidate is compared with a champion."""
    monkeypatch.setattr("ml.evaluation.workers.job.ROWS", BATCH_ROWS)
    root = Root(tmp_path / "root")
    assert retrain(root, settings_of(whole, *QUICK), run_id="first", force=False).outcome == "promoted"
    run = Run(root, "second", settings_of(whole, *QUICK, "train.seed=5"), force=True)
    for name in STEPS[: STEPS.index("evaluate")]:
        run_step(name, run)
    assert_evaluates_alike(run, evaluated_in_process(run, tmp_path / "other"), on(cluster, 2))
