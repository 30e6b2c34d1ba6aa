"""The listener that counts runs, writes their notes, and has the report written of a run that was killed.

The scheduler calls it, so it also learns of runs whose tasks were killed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow.listeners import hookimpl

from retraining import statsd_events
from retraining.runs.ending import Ending

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

DAG_ID = "customer_retraining"
log = logging.getLogger(__name__)


@hookimpl
def on_dag_run_running(dag_run: DagRun, msg: str) -> None:  # noqa: ARG001 - hooks are called by these names
    """Make the counters exist when a run starts."""
    if dag_run.dag_id == DAG_ID:
        statsd_events.run_started()


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:  # noqa: ARG001
    """Count and note a green run by the outcome that the results of its steps tell."""
    if dag_run.dag_id == DAG_ID:
        _ended(dag_run, succeeded=True)


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:  # noqa: ARG001
    """Count and note a red run as blocked by its data, or else as failed, even if its steps left no results."""
    if dag_run.dag_id == DAG_ID:
        _ended(dag_run, succeeded=False)


def _ended(dag_run: DagRun, *, succeeded: bool) -> None:
    ending = Ending.of(dag_run.run_id, succeeded=succeeded)
    statsd_events.run_ended(ending.outcome)
    for name, leave in (("note", _note), ("report", _report)):
        try:
            leave(dag_run, ending)
        except Exception:  # whatever a damaged file or another database brings: the run, and other listeners, go on
            log.exception("run %s: no %s", dag_run.run_id, name)


def _note(dag_run: DagRun, ending: Ending) -> None:
    from retraining.runs.links import report_url
    from retraining.runs.note import LIMIT, note_of
    from retraining.runs.note_store import write_note

    link = f"\n\n[Report]({report_url(dag_run.run_id)})"
    if note := note_of(ending, limit=LIMIT - len(link)):
        write_note(dag_run, note + link)


def _report(dag_run: DagRun, _: Ending) -> None:
    from retraining.runs.late_report import write_late_report

    write_late_report(dag_run.run_id)
