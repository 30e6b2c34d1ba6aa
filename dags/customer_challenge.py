"""Every day: has a kept candidate proven on customers' outcomes that it is better than what serves?"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable

from retraining.command_operator import CommandOperator
from retraining.runs.notifier import notifiers
from retraining.runs.occasions import command_failed

with DAG(
    "customer_challenge",
    description="Try kept candidates of the customer model on what came of customers, and promote one that has won",
    schedule=CronTriggerTimetable("30 5 * * *", timezone="UTC", run_immediately=timedelta()),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    tags=["customer-model", "challenge"],
    # A second try is safe: nobody is bet on twice, and a promotion that was begun is finished.
    default_args={
        "owner": "ml-platform",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "on_failure_callback": notifiers(command_failed),
    },
    doc_md="""
### Challenge

Candidates that were found equal to the version that serves are tried on outcomes of customers whom neither of the two
has seen. One that has proven to be better goes the way of every candidate that is: thresholds, hold, approval, promote,
confirm, probation. The log says how far each is.

| you see | it means |
|---|---|
| green | nobody has won yet, or the last line of the log says what became of the winner |
| red after three tries | the check, or the promotion, could not be done; the last line of its log has the cure |
""",
) as dag:
    CommandOperator(
        task_id="challenge",
        arguments=["challenge", "--promote"],
        execution_timeout=timedelta(minutes=15),
        doc_md="Bets on the outcomes that are new, and promotes and confirms a challenger that has won.",
    )
