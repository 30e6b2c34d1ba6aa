"""Every half hour: does the version that was promoted last do what it promised?"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable

from retraining.command_operator import CommandOperator
from retraining.runs.notifier import notifiers
from retraining.runs.occasions import probation_failed

with DAG(
    "customer_probation",
    description="Watch the version of the customer model that was promoted last, and take a bad one back",
    schedule=CronTriggerTimetable("*/30 * * * *", timezone="UTC", run_immediately=timedelta()),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    tags=["customer-model", "intervention"],
    # A second try is safe: whatever the first has decided stands in the ledger, and what it began is finished.
    default_args={
        "owner": "ml-platform",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "on_failure_callback": notifiers(probation_failed),
    },
    doc_md="""
### Probation

For a day after a promotion the version that serves is asked for known customers, its errors and its latency are
compared with those before, and it scores the newest customers. The log says what was found.

| you see | it means |
|---|---|
| green | nothing is on probation, or nothing is wrong with what is |
| red | the version broke its probation: the one before serves again, and the last line of the log says why |
| red after three tries | the check itself could not be done; the last line of its log has the cure |
""",
) as dag:
    CommandOperator(
        task_id="check",
        arguments=["probation"],
        execution_timeout=timedelta(minutes=15),
        doc_md="Asks the model server, reads its metrics page, and goes back when a version broke its probation.",
    )
