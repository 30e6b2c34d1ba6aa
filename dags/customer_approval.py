"""Asks a person about a run that waits, for days, beside the runs that go on meanwhile."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Asset, Param, chain

from retraining.approval.operators import (
    ANSWER,
    APPROVE,
    QUESTION,
    REJECT,
    AnswerOperator,
    DecisionOperator,
    QuestionOperator,
    RetrainOperator,
)
from retraining.approval.question import PROMOTION, SCHEMA
from retraining.runs.notifier import notifiers
from retraining.runs.occasions import command_failed, question_answered, question_asked

CUSTOMER_MODEL = Asset(name="customer_model", uri="model://customer-model")
DAYS_TO_ANSWER = 5

with DAG(
    "customer_approval",
    description="Ask a person whether a candidate is promoted, or a schema accepted",
    schedule=None,
    catchup=False,
    max_active_runs=16,
    dagrun_timeout=timedelta(days=DAYS_TO_ANSWER + 1),  # the waiting counts
    is_paused_upon_creation=False,  # a run that is triggered on a paused DAG only waits
    params={
        "run": Param("", type="string", minLength=1, title="Run", description="The id of the run that waits."),
        "what": Param(PROMOTION, enum=[PROMOTION, SCHEMA], title="What", description="What is asked about."),
        "conf": Param(
            None, type=["null", "object"], title="Conf", description="Of the run that is started with a new schema."
        ),
    },
    tags=["customer-model", "approval"],
    default_args={
        "owner": "ml-platform",
        "retries": 2,
        "retry_delay": timedelta(seconds=3),
        "on_failure_callback": notifiers(command_failed),
    },
    doc_md="""
### A person decides

*customer_retraining* starts this DAG when a candidate waits for a person (`gate.approval`), or a blocked run proposes a
wider schema. It reads the **question**, waits for the **answer** (Required Actions, or the task's own page), and runs
`ml approve`, `ml refuse` or `ml schema accept` in the name of who answered; with a new schema the retraining starts
again. Nobody in five days means: refused. The same on the command line: `ml approve RUN --reason`, `ml refuse RUN
--reason`, `ml schema accept RUN --reason`; then this run finds that there is nothing left to do.

If a task is cleared, the question is asked anew: no earlier answer counts, and no answer about other bytes.
""",
) as dag:
    accept_schema = DecisionOperator(
        task_id="accept_schema",
        answer=APPROVE,
        what=SCHEMA,
        execution_timeout=timedelta(minutes=5),
        doc_md="Accepts the proposed schema, unless another one came into force meanwhile.",
    )
    retrain = RetrainOperator(
        task_id="retrain",
        execution_timeout=timedelta(minutes=5),
        doc_md="Starts customer_retraining again, as the blocked run was asked for.",
    )
    chain(
        QuestionOperator(
            task_id=QUESTION,
            execution_timeout=timedelta(minutes=5),
            doc_md="Reads the verdict and its metrics beside the champion. Skips all when nobody waits any more.",
        ),
        AnswerOperator(
            task_id=ANSWER,
            response_timeout=timedelta(days=DAYS_TO_ANSWER),
            notifiers=notifiers(question_asked, quietly=True),
            doc_md="Waits for a person, who approves or rejects with a reason. Without an answer: rejected.",
        ),
        [
            DecisionOperator(
                task_id="approve",
                on_success_callback=notifiers(question_answered),
                answer=APPROVE,
                outlets=[CUSTOMER_MODEL],
                execution_timeout=timedelta(minutes=20),
                doc_md="Promotes and confirms after the same checks as a run does: a changed champion makes it stale.",
            ),
            DecisionOperator(
                task_id="refuse",
                on_success_callback=notifiers(question_answered),
                answer=REJECT,
                execution_timeout=timedelta(minutes=5),
                doc_md="Notes the refusal in the ledger; what serves goes on serving.",
            ),
            accept_schema,
        ],
    )
    chain(accept_schema, retrain)
