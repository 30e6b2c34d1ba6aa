"""A version or a run that shall never serve again; or the end of the hold that began with a rollback."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from retraining.command_operator import CommandOperator
from retraining.intervention_params import END_THE_HOLD, REASON_ARGUMENT, quarantine_params
from retraining.runs.notifier import notifiers
from retraining.runs.occasions import command_failed, quarantine_done

PARAMS = quarantine_params()

with DAG(
    "customer_quarantine",
    description="Quarantine a version or a run of the customer model, or end the hold after a rollback",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,  # a run that is triggered on a paused DAG only waits
    params=PARAMS,
    tags=["customer-model", "intervention"],
    default_args={
        "owner": "ml-platform",
        "retries": 0,
        "on_failure_callback": notifiers(command_failed),
        "on_success_callback": notifiers(quarantine_done),
    },
    doc_md="""
### Quarantine, and the end of a hold

**Quarantine** a version or a run, and its model is never promoted, compared with or gone back to again.

**End the hold**: after a rollback candidates are judged and not promoted until somebody says that the cause is found.
Choose *end the hold*, leave the subject empty, and say why.

The ledger names whoever triggered it. A red run says what was in the way, and the cure.
""",
) as dag:
    CommandOperator(
        task_id="quarantine",
        arguments=[
            "{{ 'release' if params.action == '" + END_THE_HOLD + "' else 'quarantine' }}",
            "{{ params.subject or '' }}",
            REASON_ARGUMENT,
        ],
        known=list(PARAMS),
        execution_timeout=timedelta(minutes=15),
        doc_md="Writes the quarantine, or the end of the hold, into the ledger, under the promotion lock.",
    )
