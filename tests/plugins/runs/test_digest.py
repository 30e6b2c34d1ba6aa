"""What people are told of a run, and of which nobody is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG

from ml.errors import SettingsError
from ml.pipeline.step_names import STEPS
from ml.registry.ledger.ledger import Ledger
from retraining.runs.notifier import RunNotifier, notifiers
from retraining.runs.occasions import (
    command_failed,
    probation_failed,
    quarantine_done,
    question_answered,
    question_asked,
    retraining_ended,
    rolled_back,
)
from tests.plugins.runs.ended_runs import FAILED, RUN, context, rejected, waiting


def test_a_failed_run_is_told_with_fact_and_cure(root: Path, webhook: list[Any]) -> None:
    RunNotifier("webhook:chat", retraining_ended)(context(root, "task_failure", ingest=FAILED))
    ((authorization, told),) = webhook
    assert authorization == "Bearer s3cret"
    assert (told["outcome"], told["run_id"], told["dag_id"]) == ("failed", RUN, "customer_retraining")
    page = RUN.replace(":", "%3A").replace("+", "%2B")
    assert told["text"].splitlines() == [
        f"customer_retraining: failed (run {RUN})",
        "Failed at ingest: Kaggle answered 503. Wait.",
        "- step ingest failed",
        "To do: Do what the last reason says, then clear the red task.",
        f"Run: /dags/customer_retraining/runs/{page}",
        "Models: /retraining/models",
        f"Report: /retraining/runs/{page}/report",
    ]
    assert told["why"] == "Failed at ingest: Kaggle answered 503. Wait."
    assert told["action"] == "Do what the last reason says, then clear the red task."
    assert set(told) == {"text", "dag_id", "run_id", "outcome", "why", "action", "reasons", "links"}


def test_blocked_data_are_told_with_the_findings(root: Path, webhook: list[Any]) -> None:
    error = {"type": "BlockedError", "what": "...", "cure": "Fix it.", "findings": ["Column 'Age': 12 rows."]}
    blocked = {"outcome": "failed", "error": error}
    RunNotifier("webhook:chat", retraining_ended)(context(root, "task_failure", ingest={}, validate=blocked))
    assert webhook[0][1]["outcome"] == "blocked"
    assert webhook[0][1]["reasons"] == ["step validate failed", "Column 'Age': 12 rows.", "Fix it."]


def test_a_rejection_is_told_although_its_run_is_green(root: Path, webhook: list[Any]) -> None:
    RunNotifier("webhook:chat", retraining_ended)(rejected(root))
    assert webhook[0][1]["outcome"] == "rejected"
    assert webhook[0][1]["reasons"] == ["AUC is 0.8100 <b>below</b> 0.85."]


def test_a_run_that_left_nothing_is_told_as_failed(root: Path, webhook: list[Any]) -> None:
    RunNotifier("webhook:chat", retraining_ended)(context(root, "timed_out"))
    assert webhook[0][1]["outcome"] == "failed"
    assert "no step left a result" in webhook[0][1]["text"]


def test_a_promotion_is_told_and_asks_for_nothing(root: Path, webhook: list[Any]) -> None:
    RunNotifier("webhook:chat", retraining_ended)(context(root, "success", **{step: {} for step in STEPS}))
    assert (webhook[0][1]["outcome"], webhook[0][1]["action"]) == ("promoted", "Nothing to do.")


@pytest.mark.parametrize(("silent", "words"), [("", []), ("none", ["unchanged"]), ("rejected kept", ["unchanged"])])
def test_unchanged_is_silent_unless_somebody_wants_it(
    root: Path, webhook: list[Any], silent: str, words: list[str]
) -> None:
    unchanged = {"outcome": "skipped", "skipped_because": "unchanged"}
    environment = {"RETRAIN_NOTIFY": "webhook:chat", "RETRAIN_NOTIFY_SILENT": silent}
    (notifier,) = notifiers(retraining_ended, environment) or []
    notifier(context(root, "success", ingest=unchanged))
    notifier(context(root, "success", ingest=FAILED))  # somebody has marked it as successful
    assert [told["outcome"] for _, told in webhook] == words


def test_a_word_that_is_no_outcome_is_named() -> None:
    with pytest.raises(SettingsError, match=r"RETRAIN_NOTIFY_SILENT: 'promotd' is no outcome.*promoted"):
        notifiers(retraining_ended, {"RETRAIN_NOTIFY_SILENT": "promotd"})


def test_who_waits_is_told_by_the_question_and_not_by_the_run(root: Path, webhook: list[Any]) -> None:
    RunNotifier("webhook:chat", retraining_ended)(waiting(root))
    assert webhook == []
    asked = waiting(root) | {"dag": DAG("customer_approval", schedule=None), "run_id": "approval__1"}
    RunNotifier("webhook:chat", question_asked)(asked)
    RunNotifier("webhook:chat", question_answered)(asked)
    ((_, told),) = webhook
    assert (told["outcome"], told["dag_id"], told["run_id"]) == ("waiting", "customer_retraining", RUN)
    assert told["why"] == "Waiting for approval: A person decides."
    assert told["action"].startswith("Answer in customer_approval")


def test_an_answer_is_told(root: Path, webhook: list[Any]) -> None:
    RunNotifier("webhook:chat", question_answered)(waiting(root, outcome="refused"))
    assert webhook[0][1]["outcome"] == "refused"


def test_a_question_goes_on_although_nobody_can_be_told(root: Path, webhook: list[Any]) -> None:
    (notifier,) = notifiers(question_asked, {"RETRAIN_NOTIFY": "webhook:vague"}, quietly=True) or []
    notifier(waiting(root))
    assert webhook == []


@pytest.mark.parametrize(
    ("tell", "params", "outcome", "why"),
    [
        (rolled_back, {"version": None}, "rolled back", "An older version serves again: complaints"),
        (
            quarantine_done,
            {"action": "quarantine", "subject": "3"},
            "quarantined",
            "3 is in quarantine: complaints",
        ),
        (quarantine_done, {"action": "end the hold"}, "hold ended", "The hold after a rollback is over: complaints"),
    ],
)
def test_what_a_person_did_is_told_in_a_word(
    webhook: list[Any], tell: Any, params: dict[str, Any], outcome: str, why: str
) -> None:
    told: Any = {"dag": DAG("customer_rollback", schedule=None), "run_id": RUN}
    RunNotifier("webhook:chat", tell)(told | {"params": params | {"reason": "complaints"}})
    assert (webhook[0][1]["outcome"], webhook[0][1]["why"]) == (outcome, why)


@pytest.mark.parametrize(("at", "outcome"), [("00:10", "rolled back"), ("00:04", "failed")])
def test_a_probation_that_went_back_is_told_from_a_check_that_failed(
    root: Path, webhook: list[Any], at: str, outcome: str
) -> None:
    ledger = Ledger(root / "ledger.jsonl", clock=lambda: datetime.fromisoformat(f"2026-11-23T{at}:00+00:00"))
    ledger.append("restored", run_id="probation__2", version=3, who="airflow")
    began = SimpleNamespace(start_date=datetime(2026, 11, 23, 0, 5, 0, 900, tzinfo=UTC))
    told: Any = {"dag": DAG("customer_probation", schedule=None), "run_id": RUN, "dag_run": began}
    RunNotifier("webhook:chat", probation_failed)(told | {"exception": ValueError("Version 2 broke its probation.")})
    assert (webhook[0][1]["outcome"], webhook[0][1]["why"]) == (outcome, "Version 2 broke its probation.")


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ({"exception": ValueError("Version 2 broke its probation.")}, "Version 2 broke its probation."),
        ({}, "The log of its task says what was in the way."),
    ],
)
def test_a_command_that_failed_is_told_with_what_it_said(
    webhook: list[Any], failure: dict[str, Any], said: str
) -> None:
    told: Any = {"dag": DAG("customer_probation", schedule=None), "run_id": RUN, **failure}
    RunNotifier("webhook:chat", command_failed)(told)
    assert webhook[0][1]["text"].startswith(f"customer_probation: failed (run {RUN})\n{said}\nTo do: ")
