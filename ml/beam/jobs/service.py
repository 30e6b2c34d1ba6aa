"""Beam's job API (`beam_job_api.proto`): ending the jobs of one name on a server that speaks it, and on its Flink."""

from __future__ import annotations

import time
from typing import Any

from ml.beam.jobs.flink import end_flink_jobs
from ml.beam.jobs.record import JobRecord
from ml.errors import TransientError

CALL_SECONDS = 5.0
POLL_SECONDS = 0.1
_NAME = "beam:option:job_name:v1"


def end_jobs(record: JobRecord, *, seconds: float) -> list[str]:
    """Cancel the job of a record on its server, and on the Flink behind it, and wait until it has ended.

    Ids alone say too little: a server that was started anew may give them once more. So the server is asked for its
    jobs, and those with the name of the record count; only of a server that keeps no list the ids of the record do.

    Args:
        record: With an endpoint.
        seconds: How long to wait, for everything.

    Returns:
        The ids of what was cancelled; none if all had ended, or nothing had begun.

    Raises:
        TransientError: The server or its Flink does not answer, or the job still goes on.
    """
    import grpc
    from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

    deadline = time.monotonic() + seconds
    state_of = beam_job_api_pb2.JobState
    over = {state_of.DONE, state_of.FAILED, state_of.CANCELLED, state_of.DRAINED, state_of.UPDATED}
    never_begun = state_of.STOPPED  # prepared, and nobody is left who would have it run

    def call(method: Any, request: Any) -> Any:
        return method(request, timeout=max(0.1, min(CALL_SECONDS, deadline - time.monotonic())))

    with grpc.insecure_channel(record.endpoint) as channel:
        service = beam_job_api_pb2_grpc.JobServiceStub(channel)
        cancelled = []
        try:
            try:
                listed = call(service.GetJobs, beam_job_api_pb2.GetJobsRequest()).job_info
                ids = [info.job_id for info in listed if _is_of(record, info)]
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                    raise
                ids = [*record.ids]
            for job in ids:
                ask = beam_job_api_pb2.GetJobStateRequest(job_id=job)
                if (state := call(service.GetState, ask).state) in over or state == never_begun:
                    continue
                call(service.Cancel, beam_job_api_pb2.CancelJobRequest(job_id=job))
                cancelled.append(job)
                while (state := call(service.GetState, ask).state) not in over:
                    if time.monotonic() > deadline:
                        raise TransientError(
                            f"Job {record.name} ({job}) on {record.endpoint} was cancelled, and is "
                            f"{state_of.Enum.Name(state)} after {seconds:g} s.",
                            "Try again; the runner's own log says what it waits for.",
                        )
                    time.sleep(POLL_SECONDS)
        except grpc.RpcError as error:
            raise TransientError(
                f"Whether job {record.name} goes on, {record.endpoint} does not say ({error.details()}).",
                "Start that job server, or see that it can be reached; then try again.",
            ) from error
    if record.flink:
        left = max(0.1, deadline - time.monotonic())
        cancelled += end_flink_jobs(record.flink, record.name, seconds=left, is_coming=bool(cancelled))
    return cancelled


def _is_of(record: JobRecord, info: Any) -> bool:
    fields = info.pipeline_options.fields
    option = fields[_NAME].string_value if _NAME in fields else ""
    return record.name in (info.job_name, option)
