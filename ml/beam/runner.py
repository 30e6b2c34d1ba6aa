"""Running a pipeline on the runner of the settings, with a deadline."""

from __future__ import annotations

import errno
import logging
import os
import time
import uuid
from typing import Any

from ml.beam.jobs.record import Job
from ml.beam.jobs.service import end_jobs
from ml.beam.jobs.submission import job_of
from ml.beam.jobs.termination import Terminated
from ml.config.settings import BeamSettings
from ml.errors import SettingsError, TransientError

log = logging.getLogger(__name__)
_MILLISECONDS = 1000
CANCEL_SECONDS = 15.0
TERM_SECONDS = 1.5
"""Airflow's operator kills the step 2.5 s after SIGTERM."""


def pipeline_options(settings: BeamSettings) -> Any:
    """Return the `apache_beam.options.pipeline_options.PipelineOptions` of the settings.

    `DirectRunner` is `FnApiRunner` here, which works in this process. Beam's own `DirectRunner` first fetches a program
    from the internet, Prism, and runs what it got.

    Raises:
        SettingsError: No runner is set, the options set another one, or one has a value that Beam does not take.
    """
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

    if not settings.runner:
        raise SettingsError("beam.runner is empty, so there is no Beam runner.", "Set it, for example to DirectRunner.")
    options = PipelineOptions([f"--runner={settings.runner}", *settings.options])
    try:
        options.get_all_options()
    except SystemExit as error:  # as of a command line; its words are on the standard error
        raise SettingsError(
            "beam.options has a value that Beam does not take.", "Correct it; the log says which."
        ) from error
    if options.view_as(StandardOptions).runner != settings.runner:
        raise SettingsError("beam.options names a runner, too.", "Name it in beam.runner only.")
    if settings.runner == "DirectRunner":
        options.view_as(StandardOptions).runner = "FnApiRunner"
    return options


def run(pipeline: Any, *, deadline_seconds: float) -> None:
    """Run a `apache_beam.Pipeline` to its end. Whatever ends the wait, the job is cancelled.

    In a block of `ml.beam.shared_files.shared_directory` the job is that of the block's record. If it cannot be seen to
    end, the record stays, and the next step of the run ends the job (`ml.beam.left_over`).

    Raises:
        TransientError: The job failed, or did not end in time; the message has the runner's words.
    """
    deadline = time.monotonic() + deadline_seconds
    job = job_of(pipeline, unique=uuid.uuid4().hex[:12], seconds=deadline_seconds)
    result = None
    try:
        try:
            result = pipeline.run()
            job.note_id(_id_of(result))
        except Exception as error:  # whatever a runner throws: each has its own
            raise TransientError(
                f"The Beam job failed or could not be submitted: {_words(error)}", _cure(error, job)
            ) from error
        try:
            state = result.wait_until_finish(duration=max(1, int((deadline - time.monotonic()) * _MILLISECONDS)))
        except Exception as error:
            raise TransientError(f"The Beam job failed: {_words(error)}", _cure(error, job)) from error
        if state != "DONE":
            raise TransientError(
                f"The Beam job was {state} after {deadline_seconds:g} s and has been cancelled.",
                "Give the runner more workers, or the job more time (beam.deadline_seconds).",
            )
    except BaseException as error:
        _cancel(job, result, seconds=TERM_SECONDS if isinstance(error, Terminated) else CANCEL_SECONDS)
        raise
    job.has_ended = True


def _cancel(job: Job, result: Any, *, seconds: float) -> None:
    """End a job that nobody waits for any more, if there is one; what cannot be ended is said in the log."""
    try:
        if job.record.endpoint:
            end_jobs(job.record, seconds=seconds)
        elif result is not None:
            result.cancel()
        else:  # it may have been submitted
            return
    except Exception as error:  # must not hide what ended the wait
        log.warning("job %s may go on: %s", job.record.name, _words(error))
    else:
        job.has_ended = True


def _id_of(result: Any) -> str:
    """What Dataflow calls the job; "" for runners whose ids come another way."""
    found = getattr(result, "job_id", None)
    return str(found()) if callable(found) else ""


_CURE = "The runner's own log says more. Try again; what the job wrote is taken up by no one."
_FULL = os.strerror(errno.ENOSPC)


def _cure(error: Exception, job: Job) -> str:
    """What to do about it: a disk that is full does not pass by itself."""
    if _FULL not in str(error):
        return _CURE
    where = f"where {job.record.directory} lies, or " if job.record.directory else ""
    return f"Make room {where}where the workers have their temporary files; then try again."


def _words(error: Exception) -> str:
    """The last line that says something: runners put whole tracebacks of workers into their messages."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{lines[-1] if lines else type(error).__name__}."
