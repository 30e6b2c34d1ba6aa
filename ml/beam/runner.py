"""Running a pipeline on the runner of the settings, with a deadline."""

from __future__ import annotations

import time
from typing import Any

from ml.config.settings import BeamSettings
from ml.errors import SettingsError, TransientError

_MILLISECONDS = 1000


def pipeline_options(settings: BeamSettings) -> Any:
    """Return the `apache_beam.options.pipeline_options.PipelineOptions` of the settings.

    `DirectRunner` is `FnApiRunner` here, which works in this process. Beam's own `DirectRunner` first fetches a program
    from the internet, Prism, and runs what it got.

    Raises:
        SettingsError: No runner is set, the options set another one, or none of Beam's options has such a name.
    """
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

    if not settings.runner:
        raise SettingsError("beam.runner is empty, so there is no Beam runner.", "Set it, for example to DirectRunner.")
    options = PipelineOptions([f"--runner={settings.runner}", *settings.options])
    if options.view_as(StandardOptions).runner != settings.runner:
        raise SettingsError("beam.options names a runner, too.", "Name it in beam.runner only.")
    if settings.runner == "DirectRunner":
        options.view_as(StandardOptions).runner = "FnApiRunner"
    return options


def run(pipeline: Any, *, deadline_seconds: float) -> None:
    """Run a `apache_beam.Pipeline` to its end. Whatever ends the wait, no job goes on behind our back.

    Raises:
        TransientError: The job failed, or did not end in time; the message has the runner's words.
    """
    deadline = time.monotonic() + deadline_seconds
    try:
        result = pipeline.run()
    except Exception as error:  # whatever a runner throws: each has its own
        raise TransientError(f"The Beam job failed or could not be submitted: {_words(error)}", _CURE) from error
    try:
        state = result.wait_until_finish(duration=max(1, int((deadline - time.monotonic()) * _MILLISECONDS)))
    except Exception as error:
        raise TransientError(f"The Beam job failed: {_words(error)}", _CURE) from error
    except BaseException:
        result.cancel()
        raise
    if state != "DONE":
        result.cancel()
        raise TransientError(
            f"The Beam job was {state} after {deadline_seconds:g} s and has been cancelled.",
            "Give the runner more workers, or the job more time (beam.deadline_seconds).",
        )


_CURE = "The runner's own log says more. Try again; what the job wrote is taken up by no one."


def _words(error: Exception) -> str:
    """The last line that says something: runners put whole tracebacks of workers into their messages."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{lines[-1] if lines else type(error).__name__}."
