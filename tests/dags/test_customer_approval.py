from __future__ import annotations

import runpy
from datetime import timedelta
from typing import Any

import pytest

from ml.storage.root import PROJECT

pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")  # Airflow's own


@pytest.fixture(scope="module")
def dag() -> Any:
    return runpy.run_path(str(PROJECT / "dags" / "customer_approval.py"))["dag"]


def test_it_waits_less_long_than_a_run_may_take_and_beside_others(dag: Any) -> None:
    answer = dag.get_task("answer")
    assert timedelta(days=1) < answer.response_timeout < dag.dagrun_timeout
    assert answer.execution_timeout is None
    assert dag.max_active_runs > 1
    assert dag.is_paused_upon_creation is False
    assert dag.schedule is None


def test_nobody_who_answers_means_rejected_and_a_question_is_never_retried(dag: Any) -> None:
    answer = dag.get_task("answer")
    assert (answer.defaults, answer.options, answer.retries) == (["Reject"], ["Approve", "Reject"], 0)
    assert set(answer.params) == {"reason", "candidate"}, "the form has nothing of the DAG's own"


def test_only_a_promotion_is_an_event_of_the_model(dag: Any) -> None:
    assert {task.task_id: [asset.name for asset in task.outlets] for task in dag.tasks if task.outlets} == {
        "approve": ["customer_model"]
    }
    assert dag.get_task("answer").downstream_task_ids == {"approve", "refuse", "accept_schema"}
    assert dag.get_task("accept_schema").downstream_task_ids == {"retrain"}


def test_everything_is_explained_in_the_ui(dag: Any) -> None:
    assert "ml approve" in dag.doc_md
    for task in dag.tasks:
        assert len(task.doc_md) > 40
        assert task.owner == "ml-platform"
