"""The operator of the retraining's tasks: each is a step of `ml`, run as a child process in the ML environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from ml.errors import DONE, NOTHING_TO_DO, WILL_FAIL_AGAIN, RetrainError
from ml.pipeline.outcome import result_of_error
from ml.pipeline.run_record import RunRecord
from ml.pipeline.step_names import STEPS
from ml.storage.root import Root
from retraining.asset_event import asset_event_extra
from retraining.child.attempt import Attempt
from retraining.child.environment import child_environment
from retraining.child.result_file import ResultFile, error_text, for_xcom
from retraining.child.store_credentials import store_credentials
from retraining.kaggle_connection import kaggle_credentials
from retraining.ml_operator import MlOperator
from retraining.monitoring.reason import reason_of, trigger_option
from retraining.params import check_conf, command_line
from retraining.runs.links import ReportLink

if TYPE_CHECKING:
    from airflow.sdk import Context

NEEDS_CREDENTIALS = "ingest"


class StepOperator(MlOperator):
    """Runs `ML_PYTHON -m ml STEP --run RUN_ID` and lets its exit code decide.

    0 succeeds and returns the result as XCom; 2 fails at once, since a retry cannot help; 99 skips the task and those
    after it; anything else, a kill included, fails and may be retried. The events of its outlets, if it has any, say
    which version serves and why.

    Args:
        step: The name of the step, and of the task unless `task_id` is given.
    """

    operator_extra_links = (ReportLink(),)

    def __init__(self, *, step: str, **kwargs: Any) -> None:
        super().__init__(task_id=kwargs.pop("task_id", step), **kwargs)
        self.step = step

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the step to its end; its lines go to the task's log as they come.

        The last lines of a task that fails are the reason and the cure.

        Returns:
            The step's result, with `process_seconds`: what its process took, imports and all.
        """
        try:
            result = self._run(context)
        except RetrainError as error:
            raise self.failure(_described(error), may_pass=error.retry) from error
        if self.outlets:
            extra = asset_event_extra(RunRecord.read(Root.find().run(context["dag_run"].run_id)))
            for outlet in self.outlets:
                context["outlet_events"][outlet].extra = extra
        return result

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Return what OpenLineage may know of the step; also after a failure. Its provider calls it, and only then."""
        from retraining.openlineage_facets import lineage_of

        return lineage_of(self.step, RunRecord.read(Root.find().run(task_instance.run_id)))

    def _run(self, context: Context) -> dict[str, Any]:
        result_file = _result_file(context["dag_run"], self.step)
        command = self._command(context)
        self.log.info("%s", " ".join(command))
        environment = child_environment(
            os.environ,
            who=context["dag_run"].triggering_user_name or f"airflow ({self._starter(context)})",
            credentials={
                **store_credentials(self.step, os.environ),
                **(kaggle_credentials() if self.step == NEEDS_CREDENTIALS else {}),
            },
        )
        with Attempt(self.step, result_file) as attempt:
            code, last = self.follow(command, environment)
            attempt.ended(code)
        last_line = last[-1] if last else ""
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
        raise self.failure(error, may_pass=code != WILL_FAIL_AGAIN, last_line=last_line)

    @staticmethod
    def _starter(context: Context) -> str:
        return "monitoring" if reason_of(context).findings else "scheduled"

    def _command(self, context: Context) -> list[str]:
        options = command_line(self.step, context["params"])
        if self.step == STEPS[0]:
            options += trigger_option(context)
        return self.command(self.step, "--run", context["dag_run"].run_id, *options)


def _result_file(dag_run: Any, step: str) -> ResultFile:
    """Return the result file of a step whose run can be told apart from others, and was asked for in known words."""
    root = Root.find()
    place = root.run_to_begin(dag_run.run_id) if step == STEPS[0] else root.run(dag_run.run_id)
    result_file = ResultFile(place, step)
    try:
        check_conf(dag_run.conf)
    except RetrainError as error:
        result_file.write_refusal(error)
        raise
    return result_file


def _described(error: RetrainError) -> dict[str, Any]:
    described: dict[str, Any] = result_of_error(error)["error"]
    return described
