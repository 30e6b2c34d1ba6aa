"""What a person is asked, and which command follows from her answer."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, DagRunTriggerException

from ml.cli.commands import COMMANDS
from ml.cli.options import parser
from ml.data.schema import PROPOSED_DIFF, seed_schema
from ml.pipeline.step_names import STEPS
from ml.registry.ledger.ledger import Ledger
from ml.storage.files import write_json
from ml.storage.root import Root
from retraining.approval.operators import (
    APPROVE,
    NOBODY,
    REJECT,
    AnswerOperator,
    AskOperator,
    DecisionOperator,
    QuestionOperator,
    RetrainOperator,
    command,
)
from retraining.approval.question import question
from tests.airflow_home import fake_ml

RUN, SHA = "manual__2026-11-23T03:00:00+00:00", "1a2b3c4d5e6f7890"
FACTS: dict[str, Any] = {
    "champion": 3,
    "decision": "refresh",
    "reasons": ["A refresh is due: version 3 is 33 days old.", "All thresholds are reached."],
    "metrics": {"AUC": 0.8812, "BinaryAccuracy": 0.82},
    "champion_metrics": {"AUC": 0.8805},
}


def waits(root: Path, **facts: Any) -> None:
    Ledger(root / "ledger.jsonl").append("waiting", run_id=RUN, model_sha256=SHA, **FACTS | facts)
    results = root / "runs" / RUN / "results"
    results.mkdir(parents=True, exist_ok=True)
    for step in ("ingest", "validate", "transform", "train", "evaluate", "judge"):
        artifact = {"baseline": "version 3", "model_sha256": SHA} if step == "judge" else {}
        write_json(results / f"{step}.json", {"step": step, "outcome": "done", "artifact": artifact})
    write_json(results / "promote.json", {"step": "promote", "outcome": "skipped", "skipped_because": "waiting"})


def proposes(root: Path, *, proposed: str = SHA, previous: str = "") -> None:
    """Leave a run behind that was blocked and proposes a schema."""
    results = root / "runs" / RUN / "results"
    results.mkdir(parents=True, exist_ok=True)
    write_json(results / "ingest.json", {"step": "ingest", "outcome": "done", "artifact": {}})
    error = {"type": "BlockedError", "what": "blocked", "findings": ["Profession: 'Pilot' in 90 rows."], "cure": "c"}
    proposal = {"schema_sha256": proposed, "previous_sha256": previous or seed_schema().sha256}
    blocked = {"step": "validate", "outcome": "failed", "error": error, "proposal": proposal}
    write_json(results / "validate.json", blocked)
    (results.parent / PROPOSED_DIFF).write_text('+  value: "Pilot"\n')


def decided(root: Path, event: str) -> None:
    Ledger(root / "ledger.jsonl").append(event, run_id=RUN, model_sha256=SHA, reason="not today")


def context(what: str = "promotion", given: Any = None, run_id: str = RUN, conf: Any = None) -> Any:
    return {
        "params": {"run": RUN, "what": what, "conf": None},
        "dag_run": SimpleNamespace(run_id=run_id, triggering_user_name="scheduler", conf=conf),
        "ti": SimpleNamespace(xcom_pull=lambda task_ids: given),
        "outlet_events": {},
    }


def answer(option: str, *, by: str | None = "bob", reason: str = "looks right", candidate: str = SHA) -> dict[str, Any]:
    return {
        "chosen_options": [option],
        "params_input": {"reason": reason, "candidate": candidate},
        "responded_by_user": {"id": "1", "name": by} if by else None,
        "responded_at": datetime.now(UTC),
    }


def decide(root: Path, option: str, given: Any, monkeypatch: pytest.MonkeyPatch, what: str = "promotion") -> list[str]:
    monkeypatch.setenv(
        "RETRAIN_FAKE",
        json.dumps({name: {"environment": str(root / "who")} for name in ("approve", "refuse", "schema")}),
    )
    task = DecisionOperator(task_id="decide", answer=option, what=what, ml_python=str(fake_ml(root)))
    return task.execute(context(what, given))


def test_the_question_has_decision_sentences_and_metrics_beside_the_champion(root: Path) -> None:
    waits(root)
    asked = QuestionOperator(task_id="question", answered_within=timedelta(days=5)).execute(context())
    assert asked["subject"] == f"Promote the candidate of run {RUN} (refresh)?"
    assert "**Refresh**: compared with version 3." in asked["body"]
    assert "- A refresh is due: version 3 is 33 days old." in asked["body"]
    assert "| AUC | 0.8812 | 0.8805 |" in asked["body"]
    assert asked["candidate"] == SHA


def test_the_question_says_whose_data_it_is_about_and_how_long_it_waits(root: Path) -> None:
    waits(root, source="inbox:may.csv", rows=8068)
    body = QuestionOperator(task_id="question", answered_within=timedelta(days=5)).execute(context())["body"]
    assert "Data: inbox:may.csv, 8,068 rows. Run by " in body
    last = datetime.now(UTC) + timedelta(days=5)
    assert f"Without an answer by {last:%A, %d %B %Y}, " in body
    assert body.endswith(" UTC it is rejected.")


def test_the_question_says_that_the_same_model_was_refused_before(root: Path) -> None:
    waits(root)
    assert "refused before" not in question(Root(root), RUN, "promotion").body
    Ledger(root / "ledger.jsonl").append("refused", run_id="last-week", model_sha256=SHA, reason="rude")
    assert re.search(
        r"The same model was refused before\*\*, \S+ by \S+, in run last-week: rude",
        question(Root(root), RUN, "promotion").body,
    )


def test_the_question_says_that_another_schema_came_into_force_since(root: Path) -> None:
    waits(root, schema_sha256=seed_schema().sha256)
    assert "another schema" not in question(Root(root), RUN, "promotion").body
    accepted = {"number": 1, "schema_sha256": "f" * 64, "previous_sha256": "", "seed_sha256": "", "reason": "pilots"}
    Ledger(root / "ledger.jsonl").append("schema", run_id="s", **accepted)
    assert (
        "another schema than the one in force now, schema 1, accepted " in question(Root(root), RUN, "promotion").body
    )


@pytest.mark.parametrize("event", ["approved", "refused"])
def test_nobody_is_asked_about_what_was_decided(root: Path, event: str) -> None:
    waits(root)
    decided(root, event)
    for task in (
        QuestionOperator(task_id="question", answered_within=timedelta(days=5)),
        AnswerOperator(task_id="answer"),
    ):
        with pytest.raises(AirflowSkipException, match=f"does not wait for a person: it was {event} by .*: not today"):
            task.execute(context())


def test_a_run_that_never_waited_asks_nobody(root: Path) -> None:
    with pytest.raises(AirflowSkipException, match="never waited"):
        QuestionOperator(task_id="question", answered_within=timedelta(days=5)).execute(context())


def test_a_proposed_schema_is_shown_as_a_diff(root: Path) -> None:
    with pytest.raises(AirflowSkipException, match="proposes no schema"):
        QuestionOperator(task_id="question", answered_within=timedelta(days=5)).execute(context("schema"))
    proposes(root)
    asked = question(Root(root), RUN, "schema")
    assert '```diff\n+  value: "Pilot"\n```' in asked.body
    assert "- Profession: 'Pilot' in 90 rows." in asked.body
    assert asked.candidate == SHA


def test_a_line_of_a_diff_is_folded_to_the_width_of_the_page(root: Path) -> None:
    proposes(root)
    values = " ".join(f'value: "{name}"' for name in ("Artist", "Doctor", "Engineer", "Entertainment", "Executive"))
    (root / "runs" / RUN / PROPOSED_DIFF).write_text(f" feature {{\n+    {values}\n")
    shown = question(Root(root), RUN, "schema").body.split("```")[1].splitlines()[1:]
    assert max(map(len, shown)) <= 80
    assert shown[0] == " feature {"
    assert shown[2].startswith("+      ")
    assert " ".join(line.lstrip("+ ") for line in shown[1:]) == values


def test_nobody_is_asked_about_a_schema_that_is_in_force_or_stale(root: Path) -> None:
    proposes(root, previous="another")
    with pytest.raises(AirflowSkipException, match="Another schema came into force"):
        QuestionOperator(task_id="question", answered_within=timedelta(days=5)).execute(context("schema"))
    proposes(root, proposed=seed_schema().sha256)
    with pytest.raises(AirflowSkipException, match="is in force"):
        QuestionOperator(task_id="question", answered_within=timedelta(days=5)).execute(context("schema"))


def test_the_form_carries_what_is_asked_about(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits(root)
    asked: dict[str, Any] = {}

    def park(self: HITLOperator, context: Any) -> None:  # Airflow's own part needs its supervisor
        asked.update(self.serialized_params)

    monkeypatch.setattr(HITLOperator, "execute", park)
    AnswerOperator(task_id="answer").execute(context())
    assert asked["candidate"]["value"] == SHA


def test_a_rejection_skips_nothing_by_itself(root: Path) -> None:
    given = AnswerOperator(task_id="answer").execute_complete(context(), answer(REJECT))
    assert given["chosen_options"] == [REJECT]


@pytest.mark.parametrize(("option", "verb"), [(APPROVE, "approve"), (REJECT, "refuse")])
def test_the_command_runs_in_the_name_of_who_answered(
    root: Path, monkeypatch: pytest.MonkeyPatch, option: str, verb: str
) -> None:
    (line,) = decide(root, option, answer(option, reason="it's fine; $(x)"), monkeypatch)
    assert line == f"fake {verb} --reason=it's fine; $(x) --candidate={SHA} {RUN}"
    assert json.loads((root / "who").read_text())["RETRAIN_WHO"] == "bob"
    other = REJECT if option == APPROVE else APPROVE
    with pytest.raises(AirflowSkipException, match=f"The answer was {option}"):
        decide(root, other, answer(option), monkeypatch)


@pytest.mark.parametrize(
    ("what", "option", "names"),
    [("promotion", APPROVE, ["approve"]), ("promotion", REJECT, ["refuse"]), ("schema", APPROVE, ["schema", "accept"])],
)
def test_the_command_line_understands_what_follows_from_an_answer(what: str, option: str, names: list[str]) -> None:
    arguments = command(what, option, RUN, reason="-x; 'so be it'", candidate=SHA)
    parsed = parser(COMMANDS | dict.fromkeys(STEPS, COMMANDS["retrain"])).parse_args(arguments)
    assert [parsed.name, *([parsed.action] if what == "schema" else [])] == names
    assert (parsed.run, parsed.reason, parsed.candidate) == (RUN, "-x; 'so be it'", SHA)


def test_a_time_out_is_a_refusal_by_nobody(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = decide(root, REJECT, answer(REJECT, by=None, reason=""), monkeypatch)
    assert "--reason=nobody answered in time" in line
    assert json.loads((root / "who").read_text())["RETRAIN_WHO"] == NOBODY


@pytest.mark.parametrize("given", [None, answer(APPROVE, candidate="")])
def test_without_an_answer_to_this_question_nothing_happens(
    root: Path, monkeypatch: pytest.MonkeyPatch, given: Any
) -> None:
    with pytest.raises(AirflowFailException, match="Clear"):
        decide(root, APPROVE, given, monkeypatch)
    assert not (root / "who").exists()


def test_an_accepted_schema_is_the_one_that_was_asked_about(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = decide(root, APPROVE, answer(APPROVE), monkeypatch, what="schema")
    assert line == f"fake schema accept {RUN} --reason=looks right --candidate={SHA}"


@pytest.mark.parametrize(("of", "asked_about"), [("promotion", "schema"), ("schema", "promotion")])
def test_an_answer_about_one_thing_decides_nothing_about_the_other(
    root: Path, monkeypatch: pytest.MonkeyPatch, of: str, asked_about: str
) -> None:
    task = DecisionOperator(task_id="decide", answer=APPROVE, what=of, ml_python=str(fake_ml(root)))
    with pytest.raises(AirflowSkipException, match=f"asked about a {asked_about}"):
        task.execute(context(asked_about, answer(APPROVE)))


def test_a_schema_that_is_rejected_leaves_everything_as_it_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowSkipException, match="The answer was Reject"):
        decide(root, APPROVE, answer(REJECT), monkeypatch, what="schema")


def test_a_blocked_run_that_proposes_a_schema_starts_a_question_with_its_own_conf(root: Path) -> None:
    with pytest.raises(AirflowSkipException, match="waits for nobody"):
        AskOperator(task_id="ask", what="schema").execute(context(conf={"epochs": 5}))
    proposes(root)
    with pytest.raises(DagRunTriggerException) as started:
        AskOperator(task_id="ask", what="schema").execute(context(conf={"epochs": 5}))
    assert started.value.dag_run_id == f"schema__{RUN}__{SHA[:12]}"
    assert started.value.conf == {"run": RUN, "what": "schema", "conf": {"epochs": 5}}


def test_the_retraining_starts_again_as_the_blocked_run_was_asked_for() -> None:
    asked = context("schema")
    asked["params"]["conf"] = {"epochs": 5}
    with pytest.raises(DagRunTriggerException) as started:
        RetrainOperator(task_id="retrain").execute(asked)
    again = started.value
    assert (again.trigger_dag_id, again.dag_run_id) == ("customer_retraining", f"schema__{RUN}")
    assert again.conf == {"epochs": 5}
    assert again.skip_when_already_exists is True


def test_the_question_is_started_once_for_each_candidate(root: Path) -> None:
    waits(root)
    with pytest.raises(DagRunTriggerException) as started:
        AskOperator(task_id="ask", what="promotion").execute(context())
    asked = started.value
    assert (asked.trigger_dag_id, asked.dag_run_id) == ("customer_approval", f"approval__{RUN}__{SHA[:12]}")
    assert asked.conf == {"run": RUN, "what": "promotion"}
    assert asked.skip_when_already_exists is True
    assert asked.wait_for_completion is False


@pytest.mark.parametrize("outcome", ["rejected", "withheld", "unchanged", "refused"])
def test_a_run_that_waits_for_nobody_starts_no_question(root: Path, outcome: str) -> None:
    waits(root)
    skipped = {"step": "promote", "outcome": "skipped", "skipped_because": outcome}
    write_json(root / "runs" / RUN / "results" / "promote.json", skipped)
    with pytest.raises(AirflowSkipException, match="waits for nobody"):
        AskOperator(task_id="ask", what="promotion").execute(context())
    assert os.environ["RETRAIN_ROOT"] == str(root)
