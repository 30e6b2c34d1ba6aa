"""A job that Beam's job server has let go of is ended on the Flink that goes on with it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ml.beam.jobs.flink import end_flink_jobs
from ml.beam.jobs.record import JobRecord
from ml.beam.jobs.service import end_jobs
from ml.beam.jobs.submission import job_of
from ml.beam.runner import pipeline_options
from ml.config.settings import BeamSettings
from ml.errors import TransientError
from tests.ml.beam.job_server import JobServer, serving

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries', as in the process of its own
DEADLINE = 30.0


class Flink:
    """What Flink's REST API says of jobs, by their ids: name and state. A cancelled one ends after a moment."""

    def __init__(self, **jobs: tuple[str, str]) -> None:
        self.jobs = jobs
        self.cancelled: list[str] = []
        self.ends = True
        flink = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                assert self.path == "/jobs/overview"
                found = [{"jid": job, "name": name, "state": state} for job, (name, state) in flink.jobs.items()]
                self.reply(200, {"jobs": found})

            def do_PATCH(self) -> None:
                job = self.path.removeprefix("/jobs/").removesuffix("?mode=cancel")
                flink.cancelled.append(job)
                flink.jobs[job] = (flink.jobs[job][0], "CANCELLING")
                if flink.ends:
                    threading.Timer(0.3, flink.jobs.update, [{job: (flink.jobs[job][0], "CANCELED")}]).start()
                self.reply(202, {})

            def reply(self, status: int, content: Any) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def flink() -> Iterator[Flink]:
    flink = Flink(a=("retrain-x-1", "RUNNING"), b=("retrain-x-2", "RUNNING"), c=("retrain-x-3", "FINISHED"))
    yield flink
    flink.server.shutdown()
    flink.server.server_close()


def test_the_job_of_that_name_is_cancelled_and_its_end_is_waited_for(flink: Flink) -> None:
    assert end_flink_jobs(flink.address, "retrain-x-1", seconds=DEADLINE, is_coming=False) == ["a"]
    assert flink.cancelled == ["a"]
    assert flink.jobs["a"][1] == "CANCELED"


def test_a_job_that_has_ended_or_never_came_is_left_alone(flink: Flink) -> None:
    for name in ("retrain-x-3", "retrain-x-4"):
        assert end_flink_jobs(f"http://{flink.address}", name, seconds=DEADLINE, is_coming=False) == []
    assert not flink.cancelled


def test_a_job_on_its_way_is_waited_for(flink: Flink) -> None:
    """The jars of a job are sent first, which takes seconds, and nothing calls them back."""
    threading.Timer(0.5, flink.jobs.update, [{"d": ("retrain-x-4", "CREATED")}]).start()
    assert end_flink_jobs(flink.address, "retrain-x-4", seconds=DEADLINE, is_coming=True) == ["d"]
    assert flink.jobs["d"][1] == "CANCELED"


def test_what_does_not_end_or_does_not_come_in_time_is_said(flink: Flink) -> None:
    flink.ends = False
    with pytest.raises(TransientError, match=r"Job retrain-x-1 was cancelled, and after 0\.3 s .* a is CANCELLING"):
        end_flink_jobs(flink.address, "retrain-x-1", seconds=0.3, is_coming=False)
    with pytest.raises(TransientError, match="it does not know it yet"):
        end_flink_jobs(flink.address, "retrain-x-4", seconds=0.3, is_coming=True)


def test_a_flink_that_does_not_answer_is_named(flink: Flink) -> None:
    flink.server.shutdown()
    flink.server.server_close()
    began = time.monotonic()
    with pytest.raises(TransientError, match="Whether job retrain-x-1 goes on, Flink does not say"):
        end_flink_jobs(flink.address, "retrain-x-1", seconds=2, is_coming=True)
    assert time.monotonic() - began < DEADLINE


@pytest.mark.parametrize("has_ended", [False, True])
def test_the_end_of_a_job_on_its_server_is_not_believed(flink: Flink, has_ended: bool) -> None:
    server = JobServer(seconds=0.0 if has_ended else 3600.0)
    with serving(server) as address:
        server.begin("job-0", "retrain-x-1")
        if has_ended:
            time.sleep(0.2)
        record = JobRecord("retrain-x-1", "PortableRunner", endpoint=address, flink=flink.address)
        assert end_jobs(record, seconds=DEADLINE) == (["a"] if has_ended else ["job-0", "a"])
    assert flink.jobs["a"][1] == "CANCELED"
    assert flink.jobs["b"][1] == "RUNNING"


@pytest.mark.parametrize(
    ("options", "expected"), [((), ""), (("--flink_master=[local]",), ""), (("--flink_master=jm:8081",), "jm:8081")]
)
def test_the_record_of_a_job_says_where_its_flink_is(options: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    import apache_beam as beam

    pipeline = beam.Pipeline(options=pipeline_options(BeamSettings("DirectRunner", options, DEADLINE, str(tmp_path))))
    assert job_of(pipeline, unique="1", seconds=1).record.flink == expected
