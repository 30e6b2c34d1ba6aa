"""A stand-in for a job server: it speaks Beam's job API, runs nothing, and notes what it is asked.

`python -m tests.ml.beam.job_server LOG` serves until it is killed, and writes its port as the first line of the log.
"""

from __future__ import annotations

import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

with warnings.catch_warnings():  # while it is imported, Beam's
    warnings.simplefilter("ignore")
    from apache_beam.portability.api import beam_job_api_pb2 as api
    from apache_beam.portability.api import beam_job_api_pb2_grpc

OVER = (api.JobState.DONE, api.JobState.FAILED, api.JobState.CANCELLED)


@dataclass
class JobServer(beam_job_api_pb2_grpc.JobServiceServicer):  # type: ignore[misc]
    """Jobs by their ids: name and state. A job is done after `seconds`; by default it never is.

    `lists` is False for a server without GetJobs, `ends` for one whose jobs do not end when they are cancelled.
    """

    log: Path | None = None
    seconds: float = 3600.0
    lists: bool = True
    ends: bool = True
    asked: list[str] = field(default_factory=list)
    jobs: dict[str, tuple[str, int]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def note(self, what: str) -> None:
        self.asked.append(what)
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(what + "\n")

    def DescribePipelineOptions(self, _request: Any, _context: Any) -> Any:  # noqa: N802 - names of the protocol
        return api.DescribePipelineOptionsResponse()

    def Prepare(self, request: Any, _context: Any) -> Any:  # noqa: N802
        preparation = f"prepared-{len(self.names)}"
        self.names[preparation] = request.job_name
        return api.PrepareJobResponse(preparation_id=preparation)

    def Run(self, request: Any, _context: Any) -> Any:  # noqa: N802
        job = f"job-{len(self.jobs)}"
        self.begin(job, self.names[request.preparation_id])
        return api.RunJobResponse(job_id=job)

    def begin(self, job: str, name: str) -> None:
        self.jobs[job] = (name, api.JobState.RUNNING)
        self.note(f"run {job} {name}")
        timer = threading.Timer(self.seconds, self.end, (job, api.JobState.DONE))
        timer.daemon = True
        timer.start()

    def end(self, job: str, state: int) -> None:
        name, before = self.jobs[job]
        if before not in OVER:
            self.jobs[job] = (name, state)

    def GetJobs(self, _request: Any, context: Any) -> Any:  # noqa: N802
        if not self.lists:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "no list")
        found = [api.JobInfo(job_id=job, job_name=name, state=state) for job, (name, state) in self.jobs.items()]
        return api.GetJobsResponse(job_info=found)

    def GetState(self, request: Any, context: Any) -> Any:  # noqa: N802
        return api.JobStateEvent(state=self.state(request, context))

    def state(self, request: Any, context: Any) -> int:
        if request.job_id not in self.jobs:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such job")
        return self.jobs[request.job_id][1]

    def GetStateStream(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        last = None
        while last not in OVER and context.is_active():
            if (state := self.state(request, context)) != last:
                last = state
                yield api.JobStateEvent(state=state)
            time.sleep(0.05)

    def GetMessageStream(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        while self.state(request, context) not in OVER and context.is_active():
            time.sleep(0.05)
        yield from ()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.state(request, context)
        self.note(f"cancel {request.job_id}")
        self.end(request.job_id, api.JobState.CANCELLED if self.ends else api.JobState.CANCELLING)
        return api.CancelJobResponse(state=api.JobState.CANCELLING)


@contextmanager
def serving(server: JobServer) -> Iterator[str]:
    """Serve on a port of loopback, and yield the address."""
    grpc_server = grpc.server(ThreadPoolExecutor(max_workers=16))
    beam_job_api_pb2_grpc.add_JobServiceServicer_to_server(server, grpc_server)
    port = grpc_server.add_insecure_port("127.0.0.1:0")
    grpc_server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        grpc_server.stop(0).wait(5)


if __name__ == "__main__":
    server = JobServer(Path(sys.argv[1]))
    with serving(server) as address:
        server.note(address)
        time.sleep(3600)
