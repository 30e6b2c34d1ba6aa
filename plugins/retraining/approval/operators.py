"""The tasks of the DAG `customer_approval`, and the one of `customer_retraining` that starts it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import BaseOperator, Param
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from ml.errors import NothingToDoError, RetrainError
from ml.pipeline.outcome import WAITING
from ml.pipeline.run_record import RunRecord
from ml.storage.root import Root
from retraining.approval.question import PROMOTION, SCHEMA, Question, question
from retraining.asset_event import asset_event_extra
from retraining.command_operator import CommandOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

QUESTION, ANSWER = "question", "answer"
APPROVE, REJECT = ApprovalOperator.APPROVE, ApprovalOperator.REJECT
LONGEST_RUN_ID = 200
_ASKED = {PROMOTION: "approval", SCHEMA: "schema"}
NOBODY = "airflow (nobody answered)"
SHOWN_DIGITS = 12


class StartOperator(TriggerDagRunOperator):
    """Starts a run of another DAG under a fixed id, so that a task that is cleared starts none twice."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            logical_date=None,
            skip_when_already_exists=True,
            openlineage_inject_parent_info=False,
            **kwargs,
        )

    def start(self, context: Context, run_id: str, conf: Mapping[str, Any]) -> None:
        """Start the run `run_id` with `conf`."""
        self.conf, self.trigger_run_id = dict(conf), run_id
        super().execute(context)


class AskOperator(StartOperator):
    """Starts the DAG that asks a person about this run, if it waits for one; asked once for each candidate.

    Args:
        what: `PROMOTION`, or `SCHEMA` for the schema that a blocked run proposes.
    """

    def __init__(self, *, what: str, **kwargs: Any) -> None:
        super().__init__(trigger_dag_id="customer_approval", **kwargs)
        self.what = what

    def execute(self, context: Context) -> None:
        """Start it under a run id that names run, candidate and what it is to replace."""
        dag_run = context["dag_run"]
        record = RunRecord.read(Root.find().run(dag_run.run_id))
        candidate = self._candidate(record)
        if not candidate:
            raise AirflowSkipException("The run waits for nobody.")
        champion = record.artifact("judge").get("champion_version") if self.what == PROMOTION else None
        over = "" if champion is None else f"__over_{champion}"
        conf: dict[str, Any] = {"run": dag_run.run_id, "what": self.what}
        if self.what == SCHEMA:
            conf["conf"] = dict(dag_run.conf or {})
        self.start(context, f"{_ASKED[self.what]}__{dag_run.run_id}__{candidate[:SHOWN_DIGITS]}{over}", conf)

    def _candidate(self, record: RunRecord) -> str:
        if self.what == SCHEMA:
            return str(record.proposal.get("schema_sha256", ""))
        verdict = record.artifact("judge")
        return str(verdict.get("model_sha256")) if record.outcome == WAITING else ""


class RetrainOperator(StartOperator):
    """Starts the retraining again, as the run was asked for that was blocked."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trigger_dag_id="customer_retraining", **kwargs)

    def execute(self, context: Context) -> None:
        """Start it under a run id that names the blocked run."""
        params = context["params"]
        self.start(context, f"schema__{params['run']}"[:LONGEST_RUN_ID], params["conf"] or {})


class QuestionOperator(BaseOperator):
    """Reads what is asked; skips everything when nobody waits for an answer any more.

    Args:
        answered_within: How long the answer is waited for, which the question names.
    """

    def __init__(self, *, answered_within: timedelta, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.answered_within = answered_within

    def execute(self, context: Context) -> dict[str, str]:
        """Return subject, body and candidate."""
        return _asked(context, until=datetime.now(UTC) + self.answered_within)._asdict()


class AnswerOperator(ApprovalOperator):
    """Waits for a person. A rejection is an answer as any other: the tasks behind it know which of them it concerns.

    Airflow keeps text, options and form of a question when its task is cleared, and only forgets the answer. So the
    form carries what the question was about, and the answer is for that, whatever the run has become since.
    """

    def __init__(self, **kwargs: Any) -> None:
        # The DAG's own Params and defaults may be among the arguments already; the form has none of them.
        form = {
            "reason": Param("", type="string", title="Reason", description="A sentence for the ledger.", source="task"),
            "candidate": Param(
                "",
                type="string",
                title="Asked about",
                description="The hash of the model or schema that this question is about. Leave it as it is.",
                source="task",
            ),
        }
        pulled = f"ti.xcom_pull(task_ids='{QUESTION}')"
        fixed = {
            "subject": f"{{{{ {pulled}['subject'] }}}}",
            "body": f"{{{{ {pulled}['body'] }}}}",
            "defaults": REJECT,
            "params": form,
            "retries": 0,  # an answer within seconds of a retry could be lost
        }
        super().__init__(**kwargs | fixed)

    def execute(self, context: Context) -> Any:
        """Ask, unless the question has been decided since it was read."""
        self.params["candidate"] = _asked(context).candidate
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Return the answer; other than its parent it skips nothing after a rejection."""
        return HITLOperator.execute_complete(self, context=context, event=event)


class DecisionOperator(CommandOperator):
    """Runs the command that follows from one of the two answers; skipped when the answer is the other one.

    The ledger names who answered. The events of its outlets say which version serves.

    Args:
        answer: `APPROVE` or `REJECT`.
        what: What it follows from an answer about: `PROMOTION` or `SCHEMA`.
    """

    def __init__(self, *, answer: str, what: str = PROMOTION, **kwargs: Any) -> None:
        super().__init__(arguments=(), **kwargs)
        self.answer = answer
        self.what = what

    def execute(self, context: Context) -> list[str]:
        """Run the command to its end."""
        if context["params"]["what"] != self.what:
            raise AirflowSkipException(f"It was asked about a {context['params']['what']}.")
        given = context["ti"].xcom_pull(task_ids=ANSWER)
        if not given:
            raise AirflowFailException("There is no answer. Clear the task `question` and those after it.")
        chosen, form, by = given["chosen_options"], given["params_input"], given.get("responded_by_user")
        if chosen != [self.answer]:
            raise AirflowSkipException(f"The answer was {chosen[0]}.")
        if not form.get("candidate"):
            raise AirflowFailException("The answer does not say what it is about. Clear `answer`: it asks anew.")
        run_id = context["params"]["run"]
        reason = str(form.get("reason") or "").strip() or _no_reason(by)
        self.who = by["name"] if by else NOBODY
        self.arguments = command(self.what, self.answer, run_id, reason=reason, candidate=str(form["candidate"]))
        last = super().execute(context)
        if self.outlets:
            extra = asset_event_extra(RunRecord.read(Root.find().run(run_id)))
            for outlet in self.outlets:
                context["outlet_events"][outlet].extra = extra
        return last


def command(what: str, answer: str, run_id: str, *, reason: str, candidate: str) -> list[str]:
    """Return the arguments of the command that follows from an answer about a promotion, or about a schema."""
    if what == SCHEMA:
        return ["schema", "accept", run_id, f"--reason={reason}", f"--candidate={candidate}"]
    verb = "approve" if answer == APPROVE else "refuse"
    return [verb, f"--reason={reason}", f"--candidate={candidate}", run_id]


def _no_reason(by: Any) -> str:
    return "answered in Airflow without a reason" if by else "nobody answered in time"


def _asked(context: Context, until: datetime | None = None) -> Question:
    params = context["params"]
    try:
        return question(Root.find(), params["run"], params["what"], until=until)
    except NothingToDoError as nothing:
        raise AirflowSkipException(nothing.what) from nothing
    except RetrainError as error:
        raise AirflowFailException(str(error)) from error
