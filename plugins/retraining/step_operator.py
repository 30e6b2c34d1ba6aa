"""The operator of all tasks: each is a step of `ml`, run as a child process in the ML environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from ml.errors import DONE, NOTHING_TO_DO, WILL_FAIL_AGAIN, RetrainError
from ml.pipeline.outcome import error_lines, result_of_error
from ml.pipeline.run_record import RunRecord
from ml.storage.root import PROJECT, Root
from retraining.asset_event import asset_event_extra
from retraining.attempt import Attempt
from retraining.child_environment import child_environment
from retraining.child_process import ChildProcess
from retraining.kaggle_connection import kaggle_credentials
from retraining.log_lines import Told, keep_last_lines_last, level_and_text
from retraining.params import check_keys, command_line
from retraining.result_file import ResultFile, error_text, for_xcom

if TYPE_CHECKING:
    from airflow.sdk import Context

NEEDS_CREDENTIALS = "ingest"
_INTERPRETER = PROJECT / ".venv-ml" / "bin" / "python"


class StepFailedError(AirflowFailException, Told):
    """A step that would fail again; the log ends with the reason and the cure."""


class StepMayPassError(AirflowException, Told):
    """A step that may succeed when it is tried again; the log ends with the reason and the cure."""


class StepOperator(BaseOperator):
    """Runs `ML_PYTHON -m ml STEP --run RUN_ID` and lets its exit code decide.

    0 succeeds and returns the result as XCom; 2 fails at once, since a retry cannot help; 99 skips the task and those
    after it; anything else, a kill included, fails and may be retried. The events of its outlets, if it has any, say
    which version serves and why.

    Args:
        step: The name of the step, and of the task unless `task_id` is given.
        ml_python: The interpreter of the ML environment; else `ML_PYTHON`, else the project's own.
    """

    ui_color = "#dce9f5"

    def __init__(self, *, step: str, ml_python: str | None = None, **kwargs: Any) -> None:
        super().__init__(task_id=kwargs.pop("task_id", step), **kwargs)
        self.step = step
        self.ml_python = ml_python
        self._child: ChildProcess | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the step to its end; its lines go to the task's log as they come.

        The last lines of a task that fails are the reason and the cure.

        Returns:
            The step's result, with `process_seconds`: what its process took, imports and all.
        """
        try:
            result = self._run(context)
        except RetrainError as error:
            raise self._told(_described(error), may_pass=error.retry) from error
        if self.outlets:
            extra = asset_event_extra(RunRecord.read(Root.find().run(context["dag_run"].run_id)))
            for outlet in self.outlets:
                context["outlet_events"][outlet].extra = extra
        return result

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Return what OpenLineage may know of the step; also after a failure. Its provider calls it, and only then."""
        from retraining.openlineage_facets import lineage_of

        return lineage_of(self.step, RunRecord.read(Root.find().run(task_instance.run_id)))

    def on_kill(self) -> None:
        """End the child and everything it started."""
        if self._child is not None:
            self._child.stop()

    def _run(self, context: Context) -> dict[str, Any]:
        result_file = _result_file(context["dag_run"], self.step)
        command = self._command(context)
        self.log.info("%s", " ".join(command))
        environment = child_environment(
            os.environ,
            who=context["dag_run"].triggering_user_name or "airflow (scheduled)",
            credentials=kaggle_credentials() if self.step == NEEDS_CREDENTIALS else None,
        )
        last_line = ""
        with (
            Attempt(self.step, result_file) as attempt,
            # Ends the child on a time-out and on Ctrl-C, for which `airflow dags test` never calls on_kill.
            ChildProcess(command, environment=environment, directory=PROJECT) as self._child,
        ):
            for line in self._child.lines():
                level, last_line = level_and_text(line)
                self.log.log(level, "%s", last_line)
            code = self._child.finish()
            attempt.ended(code)
        return self._outcome(code, attempt, last_line) | {"process_seconds": round(attempt.seconds, 3)}

    def _outcome(self, code: int, attempt: Attempt, last_line: str) -> dict[str, Any]:
        result = attempt.result
        error = (result or {}).get("error")
        if code == DONE and result is not None:
            return for_xcom(result)
        if code == NOTHING_TO_DO:
            raise AirflowSkipException(error_text(error, f"Step {attempt.step} had nothing to do."))
        if not isinstance(error, dict) or not error_text(error, ""):
            error = {"what": f"{attempt.ending} {f'Its last line: {last_line}' * bool(last_line)}".strip()}
        raise self._told(error, may_pass=code != WILL_FAIL_AGAIN, last_line=last_line)

    def _told(self, error: dict[str, Any], *, may_pass: bool, last_line: str = "") -> AirflowException:
        """Return the exception to raise, after the log has its reason and cure as its last lines."""
        lines = error_lines(error)
        if not lines or last_line != lines[-1]:  # else the step itself has said it
            for line in lines:
                self.log.error("%s", line)
        keep_last_lines_last()
        return (StepMayPassError if may_pass else StepFailedError)(error_text(error, "The step failed."))

    def _command(self, context: Context) -> list[str]:
        python = self.ml_python or os.environ.get("ML_PYTHON") or str(_INTERPRETER)
        options = command_line(self.step, context["params"])
        return [python, "-m", "ml", self.step, "--run", context["dag_run"].run_id, *options]


def _result_file(dag_run: Any, step: str) -> ResultFile:
    """Return the result file of a step whose run can be told apart from others, and was asked for in known words."""
    result_file = ResultFile(Root.find().run(dag_run.run_id), step)
    try:
        check_keys(dag_run.conf)
    except RetrainError as error:
        result_file.write_refusal(error)
        raise
    return result_file


def _described(error: RetrainError) -> dict[str, Any]:
    described: dict[str, Any] = result_of_error(error)["error"]
    return described
