"""Every Monday, or when the monitoring asks: from the customer file to a served model that has earned its place."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronTriggerTimetable, chain

from ml.pipeline.step_names import STEPS
from retraining.approval.operators import AskOperator
from retraining.approval.question import PROMOTION, SCHEMA
from retraining.monitoring.asset import CUSTOMER_DRIFT
from retraining.params import dag_params
from retraining.report_operator import ReportOperator
from retraining.runs.notifier import notifiers
from retraining.runs.occasions import retraining_ended
from retraining.runs.outcome_operator import OutcomeOperator, outcome_tasks
from retraining.step_operator import StepOperator

CUSTOMER_MODEL = Asset(name="customer_model", uri="model://customer-model")
MINUTE = timedelta(minutes=1)

with DAG(
    "customer_retraining",
    description="Download, validate, train, judge, promote and confirm the customer model",
    # Without a start date, and with no slot ever run at once, switching the DAG on starts nothing. Nor does an event
    # that came while it was off.
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 3 * * 1", timezone="UTC", run_immediately=timedelta()),
        assets=[CUSTOMER_DRIFT],
    ),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    is_paused_upon_creation=True,
    params=dag_params(),
    on_success_callback=notifiers(retraining_ended),  # a rejection is a green run
    on_failure_callback=notifiers(retraining_ended),
    tags=["customer-model", "retraining"],
    default_args={
        "owner": "ml-platform",
        "retries": 2,
        "retry_delay": timedelta(seconds=3),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(seconds=30),
    },
    doc_md="""
### Retraining of the customer model

Eight steps, each a child process in the ML environment (`python -m ml STEP --run RUN_ID`):
**ingest** → **validate** → **transform** → **train** → **evaluate** → **judge** → **promote** → **confirm**.

| you see | it means |
|---|---|
| *promoted*, *rejected*, *kept*, *unchanged*, ... green | what a green run came to: one of them is green |
| all steps green | a new version serves, and has answered known customers as training did |
| *promote* and *confirm* skipped, run green | rejected, not provably better, or promotion is off: see *judge* |
| the same, and *ask* green | a person has to decide: answer in *customer_approval* |
| all steps skipped, run green | nothing changed since the last result; `force` repeats the work all the same |
| a task red at its first try | it would fail again; the last line of its log says what is wrong, and the cure |
| a task red after three tries | something outside was in the way; the version that served before still serves |

The note of each run says in one sentence what it came to. The asset *customer_model* gets an event when *confirm* has
succeeded, with version, metrics and verdict. A task may be cleared at any time: what is done is not done twice.

Monday 03:00 UTC, and when *customer_monitoring* asks for it; one run at a time. Why a run began stands in its note.
The DAG is created paused. When it is switched on for the first time, nothing runs
before the next Monday. If it ran before and was then paused over one or more Mondays, switching it on runs the latest
of them at once.

Whoever triggers a run may change what the form offers: ask for more accuracy, but never for less.
""",
) as dag:
    steps = [
        StepOperator(
            step="ingest",
            execution_timeout=20 * MINUTE,
            doc_md="Obtains the data and hashes them. Skips the run when nothing changed since the last result.",
        ),
        StepOperator(
            step="validate",
            execution_timeout=30 * MINUTE,
            doc_md="Statistics, schema, drift. A blocking anomaly ends the run; its log names feature, finding, rows.",
        ),
        StepOperator(
            step="transform",
            execution_timeout=30 * MINUTE,
            doc_md="Splits by customer profile, fits the encoding on the train part, writes the examples.",
        ),
        StepOperator(
            step="train",
            execution_timeout=90 * MINUTE,
            doc_md="Fits the network and exports it with its preprocessing; one line for each epoch.",
        ),
        StepOperator(
            step="evaluate",
            execution_timeout=60 * MINUTE,
            doc_md="Scores the candidate and the version that serves on the same rows, overall and by slice.",
        ),
        StepOperator(
            step="judge",
            execution_timeout=10 * MINUTE,
            doc_md="Thresholds, then paired tests beside what serves. Every reason is a sentence in the log.",
        ),
        StepOperator(
            step="promote",
            execution_timeout=20 * MINUTE,
            doc_md="Publishes the version under the next number. Skipped when the verdict says no.",
        ),
        StepOperator(
            step="confirm",
            execution_timeout=20 * MINUTE,
            outlets=[CUSTOMER_MODEL],  # not of promote: a version that is withdrawn here never served
            doc_md="Asks the model server for known customers until this version answers as training did.",
        ),
    ]
    chain(*steps)
    ask = AskOperator(
        task_id="ask",
        what=PROMOTION,
        trigger_rule="all_skipped",
        execution_timeout=5 * MINUTE,
        doc_md="Starts customer_approval when promote ended as waiting for a person; else skipped.",
    )
    chain(steps[STEPS.index("promote")], ask)
    ask_schema = AskOperator(
        task_id="ask_schema",
        what=SCHEMA,
        trigger_rule="all_failed",
        execution_timeout=5 * MINUTE,
        doc_md="Starts customer_approval when validate was blocked and proposes a wider schema; else skipped.",
    )
    chain(steps[STEPS.index("validate")], ask_schema)

    # Teardowns: they also run after a failure, and never decide whether the run is green. A common last task would.
    outcome = OutcomeOperator(
        task_id="outcome",
        execution_timeout=5 * MINUTE,
        doc_md="Goes on to the one task that is called as what the run came to. After a failure it skips them all.",
    ).as_teardown()
    report = ReportOperator(
        task_id="report",
        retries=0,  # it can be written again at any time: python -m ml report RUN
        execution_timeout=10 * MINUTE,
        doc_md="Writes the page that tells what the run came to, and why. If it fails, the run ends as it would have.",
    ).as_teardown()
    outcomes = outcome_tasks()
    chain(steps[-1], outcome, outcomes, report)
    chain([ask, ask_schema], report)
