"""What the operators share that run `python -m ml` as a child process in the ML environment."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from ml.pipeline.outcome import error_lines
from ml.storage.root import PROJECT
from retraining.child.environment import ml_python
from retraining.child.log_lines import Told, keep_last_lines_last, level_and_text
from retraining.child.process import ChildProcess
from retraining.child.result_file import error_text

LAST_LINES = 20
"""How many lines of a command its task remembers."""


class MlFailedError(AirflowFailException, Told):
    """A command that would fail again; the log ends with the reason and the cure."""


class MlMayPassError(AirflowException, Told):
    """A command that may succeed when it is tried again; the log ends with the reason and the cure."""


class MlOperator(BaseOperator):
    """Follows a child process; whoever derives from it says which, and what its end means.

    Args:
        ml_python: The interpreter of the ML environment; else `ML_PYTHON`, else the project's own.
    """

    def __init__(self, *, ml_python: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ml_python = ml_python
        self._child: ChildProcess | None = None
        self.told_errors: list[str] = []
        """The last lines of the command that are errors: the reason and the cure."""

    def on_kill(self) -> None:
        """End the child and everything it started."""
        if self._child is not None:
            self._child.stop()

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of `python -m ml` with these arguments."""
        return [self.ml_python or ml_python(), "-m", "ml", *arguments]

    def follow(self, command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, list[str]]:
        """Run a command to its end, its lines going to the task's log as they come.

        The child ends with this block, also on a time-out and on Ctrl-C, for which `airflow dags test` never calls
        `on_kill`.

        Returns:
            The exit code (negative: minus the signal), and the last lines, at most `LAST_LINES`.
        """
        last: list[str] = []
        with ChildProcess(command, environment=environment, directory=PROJECT) as self._child:
            for line in self._child.lines():
                level, text = level_and_text(line)
                self.log.log(level, "%s", text)
                last = [*last[1 - LAST_LINES :], text]
                if level >= logging.ERROR:
                    self.told_errors = [*self.told_errors[-1:], text]
            return self._child.finish(), last

    def failure(self, error: dict[str, Any], *, may_pass: bool, last_line: str = "") -> AirflowException:
        """Return the exception to raise, after the log has its reason and cure as its last lines."""
        lines = error_lines(error)
        if not lines or last_line != lines[-1]:  # else the command itself has said it
            for line in lines:
                self.log.error("%s", line)
        keep_last_lines_last()
        return (MlMayPassError if may_pass else MlFailedError)(error_text(error, "The command failed."))
