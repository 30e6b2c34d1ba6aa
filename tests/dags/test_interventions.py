"""The DAGs by which people intervene, and the one that watches: what they run, for whom, and what they refuse."""

from __future__ import annotations

import json
import runpy
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import ParamValidationError

from ml.storage.root import PROJECT
from retraining.intervention_params import END_THE_HOLD
from tests.airflow_home import fake_ml
from tests.dags.test_runs import AIRFLOW, call, told

__all__ = ["told"]
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")  # Airflow's own
NAMES = ("customer_rollback", "customer_quarantine", "customer_probation", "customer_challenge")
WRONG = "Probation of version 2: answered known row 0 with probability 0.9."
WANTED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "the last one": ("customer_rollback", {}, {"reason": "complaints"}),
    "a certain one": ("customer_rollback", {}, {"version": 3, "reason": "--version; $(touch x) {{ 7 * 7 }} 'é'"}),
    "no reason": ("customer_rollback", {}, {"version": 3}),
    "a blank reason": ("customer_rollback", {}, {"reason": "  "}),
    "misspelt": ("customer_rollback", {}, {"Version": 3, "reason": "r"}),
    "a version": ("customer_quarantine", {}, {"subject": "3", "reason": "r"}),
    "the hold": ("customer_quarantine", {}, {"action": END_THE_HOLD, "reason": "-r"}),
    "a hostile subject": ("customer_quarantine", {}, {"subject": "--root=/", "reason": "r"}),
    "nothing to go back to": (
        "customer_rollback",
        {
            "rollback": {
                "exit": 2,
                "lines": ["12:00:00 ERROR   FinalError: No version is kept.", "12:00:00 ERROR   Name one."],
            }
        },
        {"reason": "r"},
    ),
    "watched": ("customer_probation", {"probation": {"lines": ["Version 2 is on probation until 3."]}}, {}),
    "challenged": ("customer_challenge", {"challenge": {"lines": ["Nobody challenges version 1 yet."]}}, {}),
    "breached": ("customer_probation", {"probation": {"exit": 2, "lines": ["  errors passed", WRONG]}}, {}),
}


@pytest.fixture(scope="module")
def dags() -> dict[str, Any]:
    return {name: runpy.run_path(str(PROJECT / "dags" / f"{name}.py"))["dag"] for name in NAMES}


@dataclass
class Ran:
    code: int
    called: list[dict[str, Any]]
    log: str


@pytest.fixture(scope="module")
def ran(
    tmp_path_factory: pytest.TempPathFactory, told: tuple[str, list[tuple[str, str]]]
) -> tuple[dict[str, Ran], list[tuple[str, str]]]:
    home = tmp_path_factory.mktemp("airflow")
    call(home, [AIRFLOW, "db", "migrate"])
    orders = []
    for name, (dag, plan, conf) in WANTED.items():
        root = tmp_path_factory.mktemp(name.replace(" ", "-"))
        fake_ml(root)
        orders.append({"root": str(root), "fake": json.dumps(plan), "conf": json.dumps(conf), "dag": dag})
    chat = json.dumps({"conn_type": "http", "host": told[0]})
    notify = {"RETRAIN_NOTIFY": "webhook:chat", "AIRFLOW_CONN_CHAT": chat}
    command: list[str | Path] = [str(Path(AIRFLOW).with_name("python")), "tests/dags/several_runs.py"]
    codes = json.loads(call(home, command, json.dumps(orders), **notify))
    found = {}
    for name, order, code in zip(WANTED, orders, codes, strict=True):
        calls = Path(order["root"]) / "commands.jsonl"
        called = [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []
        found[name] = Ran(code, called, (Path(order["root"]) / "airflow.log").read_text())
    return found, told[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_click_runs_at_once_one_at_a_time_and_ends(dags: dict[str, Any], name: str) -> None:
    dag = dags[name]
    (task,) = dag.tasks
    assert dag.is_paused_upon_creation is False, "a run that is triggered on a paused DAG only waits"
    assert dag.max_active_runs == 1
    assert dag.catchup is False
    assert timedelta(minutes=5) < task.execution_timeout <= timedelta(minutes=15)
    assert task.pool == "default_pool"
    assert len(task.doc_md) > 40
    assert task.owner == "ml-platform"
    assert dag.doc_md
    assert dag.tags


def test_a_decision_is_not_tried_twice_by_itself(dags: dict[str, Any]) -> None:
    retries = {name: dags[name].tasks[0].retries for name in NAMES}
    assert retries == {
        "customer_rollback": 0,
        "customer_quarantine": 0,
        "customer_probation": 2,
        "customer_challenge": 2,
    }


def test_the_watch_looks_every_half_hour(dags: dict[str, Any]) -> None:
    assert "*/30 * * * *" in repr(dags["customer_probation"].timetable)
    assert "30 5 * * *" in repr(dags["customer_challenge"].timetable)
    assert [dags[name].schedule for name in NAMES[:2]] == [None, None]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("the last one", ["rollback", "--reason=complaints"]),
        ("a certain one", ["rollback", "3", "--reason=--version; $(touch x) {{ 7 * 7 }} 'é'"]),
        ("a version", ["quarantine", "3", "--reason=r"]),
        ("the hold", ["release", "--reason=-r"]),
        ("watched", ["probation"]),
        ("challenged", ["challenge", "--promote"]),
    ],
)
def test_what_is_run(ran: tuple[dict[str, Ran], Any], name: str, arguments: list[str]) -> None:
    found = ran[0][name]
    assert found.code == 0, found.log
    assert [one["arguments"] for one in found.called] == [arguments]
    assert found.called[0]["who"], "the ledger names somebody"


@pytest.mark.parametrize("name", ["no reason", "a blank reason", "misspelt", "a hostile subject"])
def test_what_is_refused_is_not_run(ran: tuple[dict[str, Ran], Any], name: str) -> None:
    found = ran[0][name]
    assert found.called == []
    assert found.code == 1


def test_a_key_that_the_form_does_not_have_is_named(ran: tuple[dict[str, Ran], Any]) -> None:
    assert "unknown key: 'Version'. Did you mean 'version'?" in ran[0]["misspelt"].log


def test_a_failure_tells_people_the_reason_and_the_cure(ran: tuple[dict[str, Ran], list[tuple[str, str]]]) -> None:
    found, posted = ran
    assert found["breached"].code == 1
    assert len(found["breached"].called) == 1, "not tried again"
    assert ("failed", WRONG) in posted
    assert ("failed", "FinalError: No version is kept. Name one.") in posted
    assert not [text for _, text in posted if "on probation until" in text]


def test_what_was_done_is_told_in_a_word_and_with_its_reason(
    ran: tuple[dict[str, Ran], list[tuple[str, str]]],
) -> None:
    assert [(outcome, why) for outcome, why in ran[1] if outcome != "failed"] == [
        ("rolled back", "An older version serves again: complaints"),
        ("rolled back", "An older version serves again: --version; $(touch x) {{ 7 * 7 }} 'é'"),
        ("quarantined", "3 is in quarantine: r"),
        ("hold ended", "The hold after a rollback is over: -r"),
    ]


HOSTILE = ["", " ", "-x", "--root=/", "a b", "a\nb", "3\n", "a\0b", "\x1b[2J", "../3", "é", "x" * 201]


@pytest.mark.parametrize("subject", HOSTILE)
def test_a_subject_that_is_none_is_refused(dags: dict[str, Any], subject: str) -> None:
    param = dags["customer_quarantine"].params.get_param("subject")
    with pytest.raises(ParamValidationError):
        param.resolve(subject)


@pytest.mark.parametrize("subject", [None, "3", "manual__2026-11-23T00:00:00+00:00", "retrain-20261129-0221"])
def test_a_version_and_a_run_are_subjects(dags: dict[str, Any], subject: str | None) -> None:
    assert dags["customer_quarantine"].params.get_param("subject").resolve(subject) == subject


@pytest.mark.parametrize("reason", ["", " ", "\t", "a\nb", "a\n", "a\0b", "\x1b]0;x", "x" * 501, None, 3])
def test_a_reason_is_one_line_that_is_not_blank(dags: dict[str, Any], reason: Any) -> None:
    for name in NAMES[:2]:
        with pytest.raises(ParamValidationError):
            dags[name].params.get_param("reason").resolve(reason)


@pytest.mark.parametrize("version", [0, -1, "3", 1.5, "--help"])
def test_a_version_is_a_number_from_one(dags: dict[str, Any], version: Any) -> None:
    with pytest.raises(ParamValidationError):
        dags["customer_rollback"].params.get_param("version").resolve(version)
