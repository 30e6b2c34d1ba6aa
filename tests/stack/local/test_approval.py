"""A question in the real Airflow: asked once, answered by a person, cleared, and never decided by an old answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root
from stack.local.airflow.api import AirflowApi
from stack.local.paths import DAG_ID, Paths
from tests.stack.local.stack import Stack

pytestmark = pytest.mark.slow
APPROVAL = "customer_approval"
DEADLINE_SECONDS = 180


class Questions:
    """The runs of the DAG that asks, and what the API tells and does to them."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.root = stack, Root(stack.root)
        self.api = AirflowApi.of(f"http://127.0.0.1:{stack.ui}", Paths(self.root))

    def waiting_run(self) -> str:
        """The id of a new run that has ended as waiting."""
        self.stack.plan(promote={"exit": 99, "because": "waiting", "error": {"what": "A person decides."}})
        run_id = self.api.trigger({})
        self.until(lambda: self.api.state(run_id) == "success")
        return run_id

    def ids(self) -> list[str]:
        return [run["dag_run_id"] for run in self.get(f"/api/v2/dags/{APPROVAL}/dagRuns")["dag_runs"]]

    def of(self, run_id: str) -> str:
        (found,) = [one for one in self.ids() if one.startswith(f"approval__{run_id}")]
        return found

    def states(self, question: str) -> dict[str, str]:
        found = self.get(f"/api/v2/dags/{APPROVAL}/dagRuns/{question}/taskInstances")["task_instances"]
        return {instance["task_id"]: instance["state"] for instance in found}

    def detail(self, question: str) -> dict[str, Any]:
        return self.get(f"{self._answer(question)}/hitlDetails")

    def answer(self, question: str, option: str, **form: str) -> None:
        body = {"chosen_options": [option], "params_input": {"reason": "seen", "candidate": "m"} | form}
        self.api._need(self.api._call("PATCH", f"{self._answer(question)}/hitlDetails", body))

    def clear(self, dag: str, run_id: str, task: str) -> None:
        body = {"dag_run_id": run_id, "task_ids": [task], "include_downstream": True, "only_failed": False}
        self.api._need(self.api._call("POST", f"/api/v2/dags/{dag}/clearTaskInstances", body | {"dry_run": False}))

    def parked(self, question: str) -> None:
        self.until(lambda: self.states(question).get("answer") == "awaiting_input")

    def end(self, question: str) -> str:
        path = f"/api/v2/dags/{APPROVAL}/dagRuns/{question}"
        self.until(lambda: self.get(path)["state"] in ("success", "failed"))
        return str(self.get(path)["state"])

    def decisions(self, run_id: str) -> list[tuple[str, str, str]]:
        events = Ledger(self.root.ledger).events()
        return [(e["event"], e["who"], e["reason"]) for e in events if e["run_id"] == run_id and "reason" in e]

    def until(self, is_so: Any) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.3)

    def get(self, path: str) -> dict[str, Any]:
        return self.api._need(self.api._call("GET", path))

    def _answer(self, question: str) -> str:
        return f"/api/v2/dags/{APPROVAL}/dagRuns/{question}/taskInstances/answer/-1"


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Questions]:
    stack = Stack(tmp_path_factory.mktemp("up"))
    try:
        code, text = stack.run("up")
        assert code == 0, text
        questions = Questions(stack)
        questions.api.unpause()
        yield questions
    finally:
        stack.run("down")


@pytest.fixture(scope="module")
def asked(questions: Questions) -> tuple[str, str]:
    """A run that waits, and the run that asks about it."""
    run_id = questions.waiting_run()
    questions.parked(questions.of(run_id))
    return run_id, questions.of(run_id)


def test_a_run_that_waits_is_green_at_once_and_says_so(questions: Questions, asked: tuple[str, str]) -> None:
    note = questions.get(f"/api/v2/dags/{DAG_ID}/dagRuns/{asked[0]}")["note"]
    said, _, link = note.partition("\n\n")
    assert said == "Waiting for approval: A person decides."
    assert link.startswith("[Report](http")
    assert link.endswith("/report)")
    assert questions.detail(asked[1])["subject"] == f"Promote the candidate of run {asked[0]} (first)?"


def test_an_answer_between_clearing_and_asking_anew_is_forgotten(questions: Questions, asked: tuple[str, str]) -> None:
    run_id, question = asked
    before = questions.detail(question)
    questions.clear(APPROVAL, question, "answer")
    questions.answer(question, "Approve", reason="too early")
    questions.parked(question)
    time.sleep(2)
    after = questions.detail(question)
    assert after["response_received"] is False
    assert after["created_at"] == before["created_at"], (
        "Airflow keeps the first question: why the form names the candidate"
    )
    assert questions.decisions(run_id) == []


def test_clearing_the_task_that_asks_does_not_ask_twice(questions: Questions, asked: tuple[str, str]) -> None:
    questions.clear(DAG_ID, asked[0], "promote")
    questions.until(lambda: questions.api.state(asked[0]) == "success")
    states = {one["task_id"]: one["state"] for one in questions.api.task_instances(asked[0])}
    assert states["ask"] == "skipped"
    assert questions.ids() == [asked[1]]


def test_the_one_who_answers_stands_in_the_ledger_and_a_cleared_answer_decides_nothing(
    questions: Questions, asked: tuple[str, str]
) -> None:
    run_id, question = asked
    questions.answer(question, "Reject", reason="not before the holidays")
    assert questions.end(question) == "success"
    assert questions.states(question) == {
        "question": "success", "answer": "success", "approve": "skipped", "refuse": "success",
        "accept_schema": "skipped", "retrain": "skipped",
    }  # fmt: skip
    assert questions.decisions(run_id) == [("refused", "admin", "not before the holidays")]
    questions.clear(APPROVAL, question, "answer")
    assert questions.end(question) == "success"
    assert set(questions.states(question).values()) == {"success", "skipped"}
    assert questions.states(question)["answer"] == "skipped", "nobody waits any more"
    assert len(questions.decisions(run_id)) == 1


def test_an_answer_about_another_candidate_is_red(questions: Questions, asked: tuple[str, str]) -> None:
    run_id = questions.waiting_run()
    question = questions.of(run_id)
    questions.parked(question)
    questions.answer(question, "Approve", candidate="another")
    assert questions.end(question) == "failed"
    assert questions.decisions(run_id) == []
