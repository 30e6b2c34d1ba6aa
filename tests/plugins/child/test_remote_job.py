"""A task that is ended cancels the job that its step has submitted."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ml.storage.root import PROJECT
from retraining.child.environment import ml_python
from tests.plugins.step_task import RUN, ends_killed

DEADLINE = 90.0


def eventually(fact: Callable[[], Any]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def job_server(tmp_path: Path) -> Iterator[Path]:
    """The log of a server of Beam's job API that ends no job by itself; its first line is the address."""
    log = tmp_path / "jobs.log"
    command = [ml_python(), "-W", "ignore", "-m", "tests.ml.beam.job_server", str(log)]
    server = subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: log.exists() and log.read_text().endswith("\n"))
        yield log
    finally:
        server.kill()
        server.wait(10)


def test_a_terminated_task_cancels_its_job(
    task: Any, root: Path, job_server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRAIN__DATA__SOURCE", str(PROJECT / "docs" / "customers.csv"))
    monkeypatch.setenv("RETRAIN__BEAM__RUNNER", "PortableRunner")
    address = job_server.read_text().splitlines()[0]
    monkeypatch.setenv("RETRAIN__BEAM__OPTIONS", f'["--job_endpoint={address}"]')
    ingest, validate = task("ingest"), task("validate")
    for one in (ingest, validate):
        one.operator.ml_python = ml_python()
    ingest.run()
    thread = threading.Thread(target=ends_killed, args=[validate])
    thread.start()
    eventually(lambda: "run job-0" in job_server.read_text())
    validate.operator.on_kill()
    thread.join(DEADLINE)
    assert not thread.is_alive()
    assert job_server.read_text().splitlines()[-1] == "cancel job-0"
    run = root / "runs" / RUN
    assert run.is_dir()
    assert not [*run.glob("**/.beam-*")]
