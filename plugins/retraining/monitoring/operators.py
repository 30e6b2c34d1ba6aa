"""The tasks of the DAG `customer_monitoring`: one looks, the other asks for a retraining if there is a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from ml.drift.last_checks import read_checks
from ml.registry.policy.trigger import Trigger
from ml.storage.root import Root
from retraining.command_operator import CommandOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

LOOK, ASK = "look", "ask"


class LookOperator(CommandOperator):
    """Runs `ML_PYTHON -m ml monitor` for the day of its run, and returns what asks for a retraining.

    The day is that of the run and not of the clock: a try after midnight finds the same, and asks for the same.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(arguments=["monitor", "--day={{ dag_run.run_after | ds }}"], **kwargs)

    def execute(self, context: Context) -> Any:
        """Look, and return day, findings and cool-down (`Trigger.as_dict`); None when there is no reason to retrain."""
        super().execute(context)
        day = self.arguments[-1].partition("=")[2]
        looked = next((check for check in read_checks(Root.to_read()) if check.day.isoformat() == day), None)
        return looked.asks.as_dict() if looked is not None and looked.asks is not None else None


class AskForRetrainingOperator(BaseOperator):
    """Succeeds when there is a reason to retrain, so that its outlets get an event that says which; else it is skipped.

    Airflow writes the event together with the success of the task: no kill comes between. An event that came twice
    begins one run all the same (`ml.pipeline.identity`).
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Give the reason to the events."""
        asked = context["ti"].xcom_pull(task_ids=LOOK)
        if not asked:
            raise AirflowSkipException("Nothing asks for a retraining.")
        trigger = Trigger.of_findings(asked)
        self.log.info("A retraining is asked for: %s", trigger.text)
        for sentence in (trigger.findings or {}).values():
            self.log.info("%s", sentence)
        for outlet in self.outlets:
            context["outlet_events"][outlet].extra = trigger.as_dict()
        return trigger.as_dict()
