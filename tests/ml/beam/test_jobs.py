"""A job is known before it begins, and ends with its step: by SIGTERM at once, after SIGKILL by the next step."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml.beam.jobs.record import JobRecord, job_name
from ml.beam.jobs.service import end_jobs
from ml.beam.left_over import records_in, settle, settle_others
from ml.beam.runner import pipeline_options, run
from ml.beam.shared_files import shared_directory
from ml.config.settings import BeamSettings
from ml.errors import FinalError, TransientError
from ml.storage import locks
from ml.storage.root import PROJECT
from tests.ml.beam.job_server import JobServer, serving

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries', as in the process of its own
DEADLINE = 60.0
STEP = """
import sys
from pathlib import Path
import apache_beam as beam
from ml.beam.runner import pipeline_options, run
from ml.beam.shared_files import joined, shared_directory, writable
from ml.config.settings import BeamSettings
settings = BeamSettings(sys.argv[1], tuple(sys.argv[3:]), 300.0, "")
with shared_directory(settings, Path(sys.argv[2]), step="validate") as directory:
    with writable(joined(directory, "part-0")) as path:
        path.write_bytes(b"rows")
    pipeline = beam.Pipeline(options=pipeline_options(settings))
    pipeline | beam.Create([1])
    run(pipeline, deadline_seconds=300.0)
"""
"""A step in a process of its own; the job server never ends its job."""


def settings(address: str, *options: str) -> BeamSettings:
    return BeamSettings("PortableRunner", (f"--job_endpoint={address}", *options), 300.0, "")


def begun_step(directory: Path, address: str) -> subprocess.Popen[bytes]:
    directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-W", "ignore", "-c", STEP, "PortableRunner", directory, f"--job_endpoint={address}"]
    return subprocess.Popen([str(part) for part in command], cwd=PROJECT, stderr=subprocess.DEVNULL)


def eventually(fact: Callable[[], Any]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def killed_step(directory: Path, address: str, server: JobServer) -> JobRecord:
    """What a step leaves that is killed while its job runs."""
    already = len(server.jobs)
    step = begun_step(directory, address)
    eventually(lambda: len(server.jobs) > already and _ids(directory))
    step.kill()
    step.wait(DEADLINE)
    (path,) = records_in(directory)
    return JobRecord.read(path)


def _ids(directory: Path) -> list[str]:
    return [one for path in records_in(directory) for one in JobRecord.read(path).ids if one.startswith("job-")]


def test_the_record_names_the_job_and_holds_no_option(tmp_path: Path) -> None:
    server = JobServer()
    with serving(server) as address:
        record = killed_step(tmp_path / "Run_7", address, server)
        assert server.asked == [f"run job-0 {record.name}"]
        assert record.name.startswith("retrain-validate-run-7-")
        assert (record.endpoint, record.ids, record.submitted) == (address, ("prepared-0", "job-0"), True)
        assert Path(record.directory, "part-0").read_bytes() == b"rows"
        fields = json.loads(records_in(tmp_path / "Run_7")[0].read_text())
        assert set(fields) == {"name", "runner", "endpoint", "directory", "place", "flink", "submitted", "ids"}


def test_after_a_kill_the_next_step_ends_the_job_and_removes_what_is_left(tmp_path: Path) -> None:
    server = JobServer()
    with serving(server) as address:
        killed_step(tmp_path, address, server)
        settle(tmp_path, settings(address))
        assert server.asked[1:] == ["cancel job-0"]
        assert not [*tmp_path.iterdir()]
        settle(tmp_path, settings(address))


def test_a_server_without_a_list_is_asked_for_the_ids(tmp_path: Path) -> None:
    server = JobServer(lists=False)
    with serving(server) as address:
        record = killed_step(tmp_path, address, server)
        found = end_jobs(dataclasses.replace(record, ids=("job-0",)), seconds=DEADLINE)
        assert found == ["job-0"]


def test_a_job_of_somebody_else_that_has_the_same_id_is_left_alone(tmp_path: Path) -> None:
    """A Prism that was started anew counts from one again."""
    server = JobServer()
    with serving(server) as address:
        killed_step(tmp_path, address, server)
        server.jobs.clear()
        server.begin("job-0", "somebody's")
        settle(tmp_path, settings(address))
        assert "cancel job-0" not in server.asked
        assert not [*tmp_path.iterdir()]


def test_sigterm_cancels_the_job_before_it_ends_the_step(tmp_path: Path) -> None:
    server = JobServer()
    with serving(server) as address:
        step = begun_step(tmp_path, address)
        eventually(lambda: _ids(tmp_path))
        step.terminate()
        assert step.wait(2.5) == -signal.SIGTERM  # as long as the operator waits
        assert server.asked[1:] == ["cancel job-0"]
        assert not [*tmp_path.iterdir()]


def test_a_job_that_does_not_end_keeps_the_next_step_from_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = JobServer(ends=False)
    monkeypatch.setattr("ml.beam.left_over.SECONDS", 1.0)
    with serving(server) as address:
        record = killed_step(tmp_path, address, server)
        with pytest.raises(TransientError, match=r"job-0\) on .* was cancelled, and is CANCELLING after 1 s"):
            settle(tmp_path, settings(address))
    with pytest.raises(TransientError, match=rf"Whether job {record.name} goes on, .* does not say"):
        settle(tmp_path, settings(address))
    assert Path(record.directory, "part-0").exists()
    assert records_in(tmp_path)


def test_another_run_ends_it_too_unless_somebody_is_at_work_there(tmp_path: Path) -> None:
    server = JobServer()
    with serving(server) as address:
        killed_step(tmp_path / "first", address, server)
        (tmp_path / "second").mkdir()
        with locks.hold(tmp_path / "first" / ".lock", who="the tests", wait_seconds=0):
            settle_others(tmp_path, tmp_path / "second", settings(address))
            assert "cancel job-0" not in server.asked
        settle_others(tmp_path, tmp_path / "second", settings(address))
        assert "cancel job-0" in server.asked
        assert not records_in(tmp_path / "first")


def left(place: Path, /, **changes: Any) -> Path:
    """The record of a job that a killed process left."""
    record = JobRecord("retrain-x-1", "DataflowRunner", directory=str(place / ".beam-1"), submitted=True)
    path = place / ".beam-1.json"
    path.write_text(json.dumps(dataclasses.asdict(dataclasses.replace(record, **changes))))
    return path


@pytest.mark.parametrize(
    ("changes", "cure"),
    [
        (
            {"ids": ("2026-1",), "place": ("shop", "europe-west1")},
            "End it: gcloud dataflow jobs cancel 2026-1 --project=shop --region=europe-west1. Then remove ",
        ),
        ({}, "gcloud dataflow jobs list --filter=name=retrain-x-1 --project=PROJECT --region=REGION says its ID"),
        ({"runner": "PrismRunner"}, "Look there, and end it. Then remove "),
    ],
)
def test_a_job_that_only_a_person_can_end_stops_the_step(tmp_path: Path, changes: dict[str, Any], cure: str) -> None:
    path = left(tmp_path, **changes)
    with pytest.raises(FinalError, match="A killed process left job retrain-x-1 on") as error:
        settle(tmp_path, settings(""))
    assert cure in error.value.cure
    assert str(path) in error.value.cure
    assert path.exists()


@pytest.mark.parametrize("changes", [{"submitted": False}, {"runner": "DirectRunner"}])
def test_a_job_that_died_with_its_process_leaves_only_files(tmp_path: Path, changes: dict[str, Any]) -> None:
    left(tmp_path, **changes)
    (tmp_path / ".beam-1").mkdir()
    settle(tmp_path, settings(""))
    assert not [*tmp_path.iterdir()]


def test_what_lies_below_the_directory_of_the_settings_is_removed_too(tmp_path: Path) -> None:
    run, work = tmp_path / "run", tmp_path / "work"
    run.mkdir()
    (work / ".beam-1").mkdir(parents=True)
    (work / ".beam-1" / "part-0").write_bytes(b"rows")
    (work / ".beam-2").mkdir()
    left(run, directory=str(work / ".beam-1"), submitted=False)
    settle(run, dataclasses.replace(settings(""), directory=str(work)))
    assert not [*run.iterdir()]
    assert [path.name for path in work.iterdir()] == [".beam-2"]


def test_a_record_never_removes_another_directory(tmp_path: Path) -> None:
    left(tmp_path, directory=str(tmp_path), submitted=False)
    with pytest.raises(FinalError, match="names a directory of something else"):
        settle(tmp_path, settings(""))
    (tmp_path / ".beam-1.json").write_text("[]")
    with pytest.raises(FinalError, match="is not the record of a Beam job"):
        settle(tmp_path, settings(""))
    assert tmp_path.exists()


def test_a_job_may_take_longer_than_the_server_may_to_answer(tmp_path: Path) -> None:
    """Beam ends its stream of states by the time-out of the server where that knows the job by its preparation."""
    import apache_beam as beam

    class Prism(JobServer):
        def Run(self, request: Any, _context: Any) -> Any:  # noqa: N802
            self.jobs[request.preparation_id] = (self.names[request.preparation_id], 2)
            self.begin(request.preparation_id, self.names[request.preparation_id])
            return super_response(request.preparation_id)

        def GetStateStream(self, request: Any, context: Any) -> Any:  # noqa: N802
            self.jobs.setdefault(request.job_id, (self.names.get(request.job_id, ""), 1))
            return super().GetStateStream(request, context)

    def super_response(job: str) -> Any:
        from apache_beam.portability.api import beam_job_api_pb2

        return beam_job_api_pb2.RunJobResponse(job_id=job)

    with serving(Prism(seconds=4.0)) as address:
        given = settings(address, "--job_server_timeout=2")
        with shared_directory(given, tmp_path):
            pipeline = beam.Pipeline(options=pipeline_options(given))
            assert pipeline | beam.Create([1])
            run(pipeline, deadline_seconds=DEADLINE)
    assert not [*tmp_path.iterdir()]


def test_names_are_what_every_runner_takes() -> None:
    name = job_name("manual__2026-11-23T00:00:00+00:00", "validate", "0123456789ab")
    assert name == "retrain-validate-manual-2026-11-23t00-00-00-00-00-0123456789ab"
    assert len(job_name("x" * 250, "validate", "0123456789ab")) == 63


def test_a_full_disk_of_a_worker_is_named(tmp_path: Path) -> None:
    """Trying again would not make room."""
    import apache_beam as beam

    def fill(_: object) -> None:
        with Path("/dev/full").open("wb", buffering=0) as disk:
            disk.write(b"row")

    settings = BeamSettings("DirectRunner", (), DEADLINE, "")
    with shared_directory(settings, tmp_path) as directory:
        pipeline = beam.Pipeline(options=pipeline_options(settings))
        pipeline | beam.Create([1]) | beam.Map(fill)
        with pytest.raises(TransientError, match="No space left on device") as raised:
            run(pipeline, deadline_seconds=DEADLINE)
    assert raised.value.cure.startswith(f"Make room where {directory} lies, or where the workers have")
