"""Every day: have the customers changed, or does the model do worse with them than it promised?"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, chain

from retraining.monitoring.asset import CUSTOMER_DRIFT
from retraining.monitoring.operators import ASK, LOOK, AskForRetrainingOperator, LookOperator
from retraining.runs.notifier import notifiers
from retraining.runs.occasions import command_failed, retraining_asked_for

with DAG(
    "customer_monitoring",
    description="Watch traffic and live performance of the customer model, and retrain when there is a reason",
    # Some hours after the weekly retraining, which may have brought another version.
    schedule=CronTriggerTimetable("0 6 * * *", timezone="UTC", run_immediately=timedelta()),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    tags=["customer-model", "monitoring"],
    # A second try is safe: it looks at the same day, and finds and asks for the same.
    default_args={
        "owner": "ml-platform",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "on_failure_callback": notifiers(command_failed),
    },
    doc_md="""
### Monitoring

*look* computes how each version does from what came of its customers, and compares the requests of the last week with
the training data of the version that serves. The log says what was found. *ask* succeeds when that is a reason to
retrain: its event of the asset *customer_drift* starts *customer_retraining*, whose note and ledger say why.

| you see | it means |
|---|---|
| *look* green, *ask* skipped | nothing was found, or too little is known, or a retraining began for it not long ago |
| both green | drift, or a fall of the live performance: a retraining begins, unless *customer_retraining* is paused |
| *look* red after three tries | the look could not be done; the last line of its log has the cure |

The same finding asks once, and again when it is still there after `monitoring.cool_down_days`.
""",
) as dag:
    chain(
        LookOperator(
            task_id=LOOK,
            execution_timeout=timedelta(minutes=30),
            doc_md="Live performance, and drift of the last week's requests; notes both for the pages and the metrics.",
        ),
        AskForRetrainingOperator(
            task_id=ASK,
            outlets=[CUSTOMER_DRIFT],
            on_success_callback=notifiers(retraining_asked_for),
            execution_timeout=timedelta(minutes=5),
            doc_md="Gives the asset an event with the reason, which starts a retraining; skipped without a reason.",
        ),
    )
