"""What becomes of a command that is no step: its exit code, its lines, its arguments, and who is named."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from retraining.command_operator import CommandOperator
from tests.airflow_home import fake_ml


def run(
    monkeypatch: pytest.MonkeyPatch,
    *arguments: str,
    plan: dict[str, Any] | None = None,
    who: str = "",
    by: str | None = "ada",
) -> list[str]:
    monkeypatch.setenv("RETRAIN_FAKE", json.dumps({arguments[0]: plan or {}}))
    python = str(fake_ml(Path(os.environ["RETRAIN_ROOT"])))
    operator = CommandOperator(task_id="command", arguments=arguments, who=who, ml_python=python)
    context: Any = {"dag_run": SimpleNamespace(run_id="r", triggering_user_name=by)}
    return operator.execute(context)


def test_success_returns_the_last_lines_answer_and_all(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = run(monkeypatch, "approve", "r", "--reason", "it's fine; $(rm -r /)", plan={"lines": ["Version 2 serves."]})
    assert lines == ["fake approve r --reason it's fine; $(rm -r /)", "Version 2 serves."]


def test_only_the_last_lines_are_remembered(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "approve", plan={"lines": [str(n) for n in range(50)]}) == [str(n) for n in range(30, 50)]


def test_an_argument_that_is_empty_leaves_no_trace(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "rollback", "", "--reason", "r") == ["fake rollback --reason r"]


def test_exit_code_2_fails_at_once_with_the_last_line(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowFailException, match="Run r is stale"):
        run(monkeypatch, "approve", plan={"exit": 2, "lines": ["12:00:00 ERROR   Run r is stale."]})


def test_exit_code_99_skips_with_the_last_line(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowSkipException, match="Nothing to do"):
        run(monkeypatch, "approve", plan={"exit": 99, "lines": ["Nothing to do."]})


@pytest.mark.parametrize("plan", [{"exit": 1}, {"exit": 137}, {"signal": 9}])
def test_any_other_end_may_be_retried(root: Path, monkeypatch: pytest.MonkeyPatch, plan: dict[str, Any]) -> None:
    with pytest.raises(AirflowException, match="the server is away") as raised:
        run(monkeypatch, "approve", plan={"lines": ["the server is away"], **plan})
    assert not isinstance(raised.value, AirflowFailException | AirflowSkipException)


@pytest.mark.parametrize(
    ("who", "by", "named"), [("", "ada", "ada"), ("bob", "ada", "bob"), ("", None, "airflow (scheduled)")]
)
def test_the_ledger_names_who_decided(
    root: Path, monkeypatch: pytest.MonkeyPatch, who: str, by: str | None, named: str
) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "secret")
    run(monkeypatch, "approve", plan={"environment": str(root / "environment")}, who=who, by=by)
    seen = json.loads((root / "environment").read_text())
    assert seen["RETRAIN_WHO"] == named
    assert not [name for name in seen if name.startswith("AIRFLOW")]
