"""One click back: an older version serves again, for a reason that stands in the ledger."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from retraining.command_operator import CommandOperator
from retraining.intervention_params import REASON_ARGUMENT, rollback_params
from retraining.runs.notifier import notifiers
from retraining.runs.occasions import command_failed, rolled_back

PARAMS = rollback_params()

with DAG(
    "customer_rollback",
    description="Serve an older version of the customer model again",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,  # a run that is triggered on a paused DAG only waits
    params=PARAMS,
    tags=["customer-model", "intervention"],
    # A second try could go one version further back than whoever asked for it meant.
    default_args={
        "owner": "ml-platform",
        "retries": 0,
        "on_failure_callback": notifiers(command_failed),
        "on_success_callback": notifiers(rolled_back),
    },
    doc_md="""
### Going back

**Trigger** it, say why, and the last version with other bytes serves again within seconds; name a version to go back
to that one. It does not wait for a retraining that runs, only for a promotion that is just being written. The model
server is asked for known customers, as after a promotion. The log ends with the version that serves now.

The ledger names whoever triggered it. A red run says what was in the way, and the cure; repeating it never goes one
version further than was meant.
""",
) as dag:
    CommandOperator(
        task_id="rollback",
        arguments=["rollback", "{{ params.version or '' }}", REASON_ARGUMENT],
        known=list(PARAMS),
        execution_timeout=timedelta(minutes=15),
        doc_md="Publishes the older version's bytes under a new number, and asks the model server for known customers.",
    )
