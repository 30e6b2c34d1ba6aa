"""One try of a step: how long it took, how it ended, and a record of that even if the step left none."""

from __future__ import annotations

import signal
import time
from types import TracebackType
from typing import Any, Self

from ml.pipeline.outcome import FAILED
from retraining.child.result_file import ResultFile
from retraining.statsd_events import KILLED, STOPPED, step_ended


class Attempt:
    """A context manager around the child process of one try; call `ended(code)` when it has ended by itself.

    At the end of the block the outcome goes out over StatsD, and a try without a result gets one that says so, since
    the exporter and `make retrain` read nothing else. `seconds` is what the whole process took, imports and all.
    """

    def __init__(self, step: str, result_file: ResultFile) -> None:
        self.step = step
        self.result: dict[str, Any] | None = None
        self._file = result_file
        self._code: int | None = None
        self.seconds = 0.0
        self._started = 0.0

    def __enter__(self) -> Self:
        self._file.remove()
        self._started = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.seconds = time.monotonic() - self._started
        if self._code is None:  # whatever it had written is not the end of this try
            self._file.remove()
        elif self.result is not None:
            step_ended(self.step, str(self.result["outcome"]), self.seconds)
            return
        self._file.write_missing(self.ending, self.seconds)
        step_ended(self.step, self._outcome(), self.seconds)

    def ended(self, code: int) -> None:
        """Take note that the child has ended with `code`, and read the result that it left."""
        self._code = code
        self.result = self._file.read()

    @property
    def ending(self) -> str:
        """A sentence about how a try without a result ended."""
        if self._code is None:
            return f"Step {self.step} was stopped by Airflow: marked, timed out, or interrupted."
        if self._code >= 0:
            return f"Step {self.step} ended with exit code {self._code} and left no result."
        hint = "; out of memory?" if self._code == -signal.SIGKILL else ""
        name = signal.strsignal(-self._code)
        return f"Step {self.step} was killed by signal {-self._code} ({name}{hint}) and left no result."

    def _outcome(self) -> str:
        if self._code is None:
            return STOPPED
        return KILLED if self._code < 0 else FAILED
