"""Naming a pipeline's job, and noting what the runner calls it as soon as it says so."""

from __future__ import annotations

from typing import Any

from ml.beam.jobs.record import Job, JobRecord, current_job, job_name

_LONGER_SECONDS = 60.0


def job_of(pipeline: Any, *, unique: str, seconds: float) -> Job:
    """Return the job that a `apache_beam.Pipeline` is going to be, which has a name from now on.

    It is that of the block of `noted`, if there is one. A runner with Beam's job API gets the name with the pipeline,
    and its ids are noted as they come, the first before the job begins.

    Args:
        pipeline: One that was not run yet.
        unique: What tells the job from others when there is no such block.
        seconds: How long the job may take.
    """
    from apache_beam.options.pipeline_options import GoogleCloudOptions, StandardOptions
    from apache_beam.runners.portability.portable_runner import PortableRunner

    options = pipeline.options
    job = current_job() or Job(JobRecord(job_name("", "", unique), options.view_as(StandardOptions).runner or ""))
    job.has_ended = False  # an earlier pipeline of the same block has
    google = options.view_as(GoogleCloudOptions)
    google.job_name = job.record.name
    place = tuple(one for one in (google.project, google.region) if one)
    job.note(endpoint=endpoint_of(options), place=place, flink=_flink_of(options), submitted=True)
    if isinstance(pipeline.runner, PortableRunner):
        make = pipeline.runner.create_job_service_handle
        pipeline.runner.create_job_service_handle = lambda service, given: _noting(make(service, given), job, seconds)
    return job


def endpoint_of(options: Any) -> str:
    """Return the address of the job server that the options name; "" for none, or one within this process."""
    from apache_beam.options.pipeline_options import PortableOptions

    found = options.view_as(PortableOptions).job_endpoint or ""
    return "" if found == "embed" else str(found)


def _flink_of(options: Any) -> str:
    """Where Flink is by the option `--flink_master`; "" if it is not set, or is a Flink within a process."""
    from apache_beam.options.pipeline_options import FlinkRunnerOptions

    found = str(options.view_as(FlinkRunnerOptions).flink_master or "")
    return "" if found.startswith("[") else found


def _noting(handle: Any, job: Job, seconds: float) -> Any:
    """Return Beam's `JobServiceHandle` with the job's name in the request, and with ids noted.

    Beam calls each job "job". And it ends the stream of states after `job_server_timeout`, a minute, where the server
    knows the job before it runs, as Prism does; here the stream lasts longer than the job may take, so that it is the
    wait for the job that ends.
    """
    from apache_beam.portability.api import beam_job_api_pb2

    run = handle.run

    def prepare(proto: Any) -> Any:
        options = handle.get_pipeline_options()
        handle.timeout = seconds + _LONGER_SECONDS
        response = handle.job_service.Prepare(
            beam_job_api_pb2.PrepareJobRequest(job_name=job.record.name, pipeline=proto, pipeline_options=options),
            timeout=seconds,
        )
        job.note_id(response.preparation_id)
        return response

    def run_and_note(preparation_id: str) -> Any:
        found = run(preparation_id)
        job.note_id(found[0])
        return found

    handle.prepare, handle.run = prepare, run_and_note
    return handle
