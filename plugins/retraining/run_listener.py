"""The listener that counts runs. The scheduler calls it, so it also learns of runs whose tasks were killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.listeners import hookimpl

from ml.errors import RetrainError
from ml.pipeline.outcome import BLOCKED, FAILED
from ml.pipeline.run_record import RunRecord
from ml.storage.root import Root
from retraining import statsd_events

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

DAG_ID = "customer_retraining"


@hookimpl
def on_dag_run_running(dag_run: DagRun, msg: str) -> None:  # noqa: ARG001 - hooks are called by these names
    """Make the counters exist when a run starts."""
    if dag_run.dag_id == DAG_ID:
        statsd_events.run_started()


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:  # noqa: ARG001
    """Count a green run by the outcome that the results of its steps tell."""
    if dag_run.dag_id == DAG_ID:
        outcome = _outcome(dag_run.run_id) or statsd_events.UNKNOWN
        is_green = outcome in statsd_events.RUN_OUTCOMES and outcome not in (BLOCKED, FAILED)
        statsd_events.run_ended(outcome if is_green else statsd_events.UNKNOWN)


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:  # noqa: ARG001
    """Count a red run as blocked by its data, or else as failed, even if its steps left no results."""
    if dag_run.dag_id == DAG_ID:
        statsd_events.run_ended(BLOCKED if _outcome(dag_run.run_id) == BLOCKED else FAILED)


def _outcome(run_id: str) -> str | None:
    try:
        return RunRecord.read(Root.to_read().run(run_id)).outcome
    except (RetrainError, OSError):  # the id cannot be a directory, or this process may not read the files
        return None
