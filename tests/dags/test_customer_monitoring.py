"""The DAG that looks every day, and the one that its event starts."""

from __future__ import annotations

import runpy
from datetime import timedelta
from typing import Any

import pytest

from ml.storage.root import PROJECT

pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")  # Airflow's own


@pytest.fixture(scope="module")
def dag() -> Any:
    return runpy.run_path(str(PROJECT / "dags" / "customer_monitoring.py"))["dag"]


def test_it_looks_every_day_from_the_start_one_at_a_time(dag: Any) -> None:
    assert "0 6 * * *" in repr(dag.timetable)
    assert dag.is_paused_upon_creation is False
    assert (dag.max_active_runs, dag.catchup) == (1, False)


def test_only_a_reason_is_an_event_and_a_look_is_tried_again(dag: Any) -> None:
    assert {task.task_id: [asset.name for asset in task.outlets] for task in dag.tasks} == {
        "look": [],
        "ask": ["customer_drift"],
    }
    assert dag.get_task("look").downstream_task_ids == {"ask"}
    for task in dag.tasks:
        assert task.retries == 2
        assert timedelta(minutes=1) < task.execution_timeout <= timedelta(minutes=30)
        assert len(task.doc_md) > 40


def test_the_event_starts_the_retraining_and_nothing_else_does() -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    retraining = runpy.run_path(str(PROJECT / "dags" / "customer_retraining.py"))["dag"]
    timetable: Any = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(retraining)).timetable
    assert [key.name for key, _ in timetable.asset_condition.iter_assets()] == ["customer_drift"]
    assert timetable.timetable.summary == "0 3 * * 1"
