"""The look, and the question for a retraining that follows from it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from ml.drift.finding import DRIFT, Finding
from ml.drift.last_checks import Check, keep_check
from ml.registry.policy.trigger import Trigger
from ml.storage.root import Root
from retraining.monitoring.asset import CUSTOMER_DRIFT
from retraining.monitoring.operators import AskForRetrainingOperator, LookOperator
from retraining.runs.occasions import retraining_asked_for
from tests.airflow_home import fake_ml

DAY = date(2026, 11, 29)
AGE = Finding(DRIFT, "Age", "Older.")
ASKS = Trigger("", DAY, {AGE.key: AGE.sentence}, 7)


def noted(root: Path, day: date, *, asks: Trigger | None) -> None:
    check = Check(day, datetime.now(UTC), 1, findings=(AGE,), asks=asks)
    keep_check(Root(root), check)


def look(root: Path) -> Any:
    operator = LookOperator(task_id="look", ml_python=str(fake_ml(root)))
    operator.arguments = ["monitor", f"--day={DAY}"]  # as Airflow renders them
    return operator.execute({"dag_run": SimpleNamespace(triggering_user_name=None)})


def test_the_look_is_about_the_day_of_its_run_and_returns_what_asks(root: Path) -> None:
    noted(root, DAY, asks=ASKS)
    noted(root, date(2026, 11, 30), asks=None)
    assert look(root) == ASKS.as_dict()
    (called,) = map(json.loads, (root / "commands.jsonl").read_text().splitlines())
    assert called["arguments"] == ["monitor", "--day=2026-11-29"]


def test_a_look_without_a_reason_returns_nothing(root: Path) -> None:
    noted(root, DAY, asks=None)
    assert look(root) is None


def test_a_look_that_fails_is_red_whatever_was_noted_before(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted(root, DAY, asks=ASKS)
    monkeypatch.setenv("RETRAIN_FAKE", json.dumps({"monitor": {"exit": 1, "lines": ["12:00:00 ERROR   No room."]}}))
    with pytest.raises(AirflowException, match="No room"):
        look(root)


def context(asked: Any) -> Any:
    events = {CUSTOMER_DRIFT: SimpleNamespace(extra=None)}
    pulled = SimpleNamespace(xcom_pull=lambda task_ids: asked if task_ids == "look" else None)
    dag = SimpleNamespace(dag_id="customer_monitoring")
    return {"ti": pulled, "outlet_events": events, "dag": dag, "run_id": "scheduled__2026-11-29"}


def test_a_reason_goes_along_with_the_event() -> None:
    given = context(ASKS.as_dict())
    AskForRetrainingOperator(task_id="ask", outlets=[CUSTOMER_DRIFT]).execute(given)
    assert given["outlet_events"][CUSTOMER_DRIFT].extra == ASKS.as_dict()


def test_without_a_reason_there_is_no_event() -> None:
    with pytest.raises(AirflowSkipException):
        AskForRetrainingOperator(task_id="ask", outlets=[CUSTOMER_DRIFT]).execute(context(None))


def test_people_are_told_what_was_found() -> None:
    told = retraining_asked_for(context(ASKS.as_dict()))
    assert told.outcome == "drift found"
    assert told.why == "A retraining is asked for: drift of Age. Older."
