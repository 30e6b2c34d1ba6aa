"""What is told when: for each kind of callback, the digest that its context stands for, or None for silence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ml.errors import printable
from ml.pipeline.outcome import FAILED, PROMOTED, REFUSED, WAITING
from ml.registry.ledger.entries import RESTORED
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.trigger import Trigger
from ml.storage.root import Root
from retraining.intervention_params import END_THE_HOLD
from retraining.monitoring.operators import LOOK
from retraining.runs.digest import DRIFT_FOUND, HOLD_ENDED, QUARANTINED, ROLLED_BACK, Digest, of_retraining, of_task

if TYPE_CHECKING:
    from airflow.sdk import Context


def retraining_ended(context: Context) -> Digest | None:
    """Tell of a retraining at its end, but for one that waits: that is told when its question can be answered."""
    news = of_retraining(context["run_id"], succeeded=context.get("reason") == "success")
    return None if news is None or news.outcome == WAITING else news


def question_asked(context: Context) -> Digest | None:
    """Tell of a candidate that waits for a person; a schema is part of what is told of the run that it blocked."""
    return _of_asked(context, WAITING)


def question_answered(context: Context) -> Digest | None:
    """Tell of a candidate that a person has decided about."""
    return _of_asked(context, PROMOTED, REFUSED)


def rolled_back(context: Context) -> Digest:
    """Tell that the rollback which was asked for is done."""
    return _done(context, ROLLED_BACK, "An older version serves again")


def quarantine_done(context: Context) -> Digest:
    """Tell that a version or a run is in quarantine, or that the hold is over, whichever was asked for."""
    params = context["params"]
    if params["action"] == END_THE_HOLD:
        return _done(context, HOLD_ENDED, "The hold after a rollback is over")
    return _done(context, QUARANTINED, f"{params['subject']} is in quarantine")


def retraining_asked_for(context: Context) -> Digest:
    """Tell what the monitoring has found, and that a retraining is asked for."""
    found = Trigger.of_findings(context["ti"].xcom_pull(task_ids=LOOK))
    why = f"A retraining is asked for: {found.text}. {' '.join((found.findings or {}).values())}"
    return of_task(context["dag"].dag_id, context["run_id"], DRIFT_FOUND, printable(why))


def command_failed(context: Context) -> Digest:
    """Tell that a task of a DAG without steps has failed, and what it said."""
    return _of_failure(context, FAILED)


def probation_failed(context: Context) -> Digest:
    """Tell that a version broke its probation and the one before serves again, or that the check has failed."""
    since = context["dag_run"].start_date
    restored = [event for event in Ledger(Root.to_read().ledger).events() if event["event"] == RESTORED]
    went_back = bool(restored and since and _time(restored[-1]) >= since.replace(microsecond=0))  # the ledger has none
    return _of_failure(context, ROLLED_BACK if went_back else FAILED)


def _time(event: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(event["at"])


def _of_asked(context: Context, *outcomes: str) -> Digest | None:
    news = of_retraining(context["params"]["run"], succeeded=True)
    return news if news is not None and news.outcome in outcomes else None


def _of_failure(context: Context, outcome: str) -> Digest:
    said = str(context.get("exception") or "The log of its task says what was in the way.")
    return of_task(context["dag"].dag_id, context["run_id"], outcome, said)


def _done(context: Context, outcome: str, what: str) -> Digest:
    why = printable(f"{what}: {context['params']['reason']}")
    return of_task(context["dag"].dag_id, context["run_id"], outcome, why)
