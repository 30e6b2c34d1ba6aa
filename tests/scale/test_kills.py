"""A step that is killed in the middle of its job, and what is left of the job when the step is run again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml.beam.jobs.record import JobRecord
from ml.beam.left_over import records_in
from ml.config.settings import BeamSettings
from ml.data.sample import write_csv
from ml.storage.root import PROJECT, Root
from stack.prism.cluster import Cluster, running
from tests.ml.beam.same_step import assert_validates_alike
from tests.scale.held import DEADLINE, on, waits_for_data

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries', as in the process of its own
ROWS = 3000
HELD = """
import sys
from dataclasses import replace
from pathlib import Path
from ml.beam import split
from ml.config.settings import resolve
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.storage.root import Root

real = split.split

def with_a_pipe(*args, **more):
    shards = real(*args, **more)
    return [*shards, replace(shards[-1], path=sys.argv[2])]

split.split = with_a_pipe
run = Run(Root(Path(sys.argv[1])), "beam", resolve(overrides=sys.argv[3:], environment={}))
run_step("ingest", run)
run_step("validate", run)
"""
"""A run whose step validate has one shard more: a pipe, at which its worker waits."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("cluster"), pools=2) as cluster:
        yield cluster


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    write_csv(path, rows=ROWS, seed=7)
    return path


def begun(root: Root, csv: Path, beam: BeamSettings, shard: Path) -> subprocess.Popen[bytes]:
    """The process of the run `beam`."""
    overrides = [f"data.source={str(csv)!r}", f"beam.runner={beam.runner}", f"beam.options={json.dumps(beam.options)}"]
    command = [sys.executable, "-W", "ignore", "-c", HELD, str(root.path), str(shard), *overrides]
    return subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL)


def states(cluster: Cluster) -> dict[str, str]:
    """The state of each job by its name, as Prism tells it."""
    import grpc
    from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

    with grpc.insecure_channel(f"127.0.0.1:{cluster.prism.port}") as channel:
        service = beam_job_api_pb2_grpc.JobServiceStub(channel)
        listed = service.GetJobs(beam_job_api_pb2.GetJobsRequest(), timeout=10).job_info
        return {
            info.job_name: beam_job_api_pb2.JobState.Enum.Name(
                service.GetState(beam_job_api_pb2.GetJobStateRequest(job_id=info.job_id), timeout=10).state
            )
            for info in listed
        }


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_step_that_was_killed_has_one_job_when_it_is_run_again(
    cluster: Cluster, customers: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """The job of the first try is cancelled, the second one comes to the right numbers, and nothing is left."""
    root, shard = Root(tmp_path / "root"), tmp_path / "part-00000.csv"
    os.mkfifo(shard)
    step = begun(root, customers, on(cluster, 0), shard)
    pipe = waits_for_data(shard)  # a worker is in the middle of the job now
    try:
        (path,) = records_in(root.run("beam"))
        first = JobRecord.read(path)
        assert states(cluster)[first.name] == "RUNNING"
        step.send_signal(number)
        assert step.wait(DEADLINE) == -number
        if number == signal.SIGTERM:
            assert states(cluster)[first.name] == "CANCELLED"
            assert not list(root.run("beam").glob(".beam-*"))
        else:
            assert states(cluster)[first.name] == "RUNNING"
            assert Path(first.directory).is_dir()
            assert first.ids
        already = set(states(cluster))
        assert_validates_alike(root, customers, on(cluster, 1))  # which finds nothing left afterwards
        assert states(cluster)[first.name] == "CANCELLED"
        assert {state for name, state in states(cluster).items() if name not in already} == {"DONE"}
    finally:
        os.close(pipe)
        step.kill()
        step.wait(DEADLINE)
