from __future__ import annotations

import runpy
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from ml.config.settings import resolve
from ml.pipeline.step_names import STEPS
from ml.storage.root import PROJECT
from retraining.runs.outcome_operator import MEANING

pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")  # Airflow's own


@pytest.fixture(scope="module")
def dag() -> Any:
    return runpy.run_path(str(PROJECT / "dags" / "customer_retraining.py"))["dag"]


@pytest.fixture(scope="module")
def scheduled(dag: Any) -> Any:
    """The DAG as the scheduler reads it from the database."""
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))


def test_the_eight_steps_are_one_chain(dag: Any) -> None:
    names = list(STEPS)
    beside = {"ask", "ask_schema", "outcome", "report", *MEANING}
    assert {task.task_id for task in dag.tasks} == {*names, *beside}
    for earlier, later in pairwise(names):
        assert dag.get_task(earlier).downstream_task_ids - {"ask", "ask_schema"} == {later}
    assert {dag.get_task(name).trigger_rule for name in names} == {"all_success"}


def test_a_person_is_asked_beside_the_chain_when_promote_was_skipped(dag: Any) -> None:
    ask = dag.get_task("ask")
    assert (ask.upstream_task_ids, ask.downstream_task_ids) == ({"promote"}, {"report"})
    assert ask.trigger_rule == "all_skipped", "a step that failed must not start a question"
    assert ask.wait_for_completion is False


def test_a_person_is_asked_about_a_schema_when_validate_failed(dag: Any) -> None:
    ask = dag.get_task("ask_schema")
    assert (ask.upstream_task_ids, ask.downstream_task_ids) == ({"validate"}, {"report"})
    assert ask.trigger_rule == "all_failed"
    assert ask.wait_for_completion is False


def test_only_what_never_decides_about_the_run_comes_after_the_steps(dag: Any) -> None:
    assert dag.get_task("confirm").downstream_task_ids == {"outcome"}
    for name in ("outcome", "report"):
        assert dag.get_task(name).is_teardown
        assert not dag.get_task(name).on_failure_fail_dagrun
    assert dag.get_task("outcome").downstream_task_ids == set(MEANING), "the operator skips whatever stands behind it"
    assert all(dag.get_task(name).inherits_from_empty_operator for name in MEANING), "they cost no process"


def test_one_run_at_a_time_with_an_end(dag: Any) -> None:
    assert dag.max_active_runs == 1
    assert dag.catchup is False
    assert dag.is_paused_upon_creation is True
    longest = sum((task.execution_timeout for task in dag.tasks if task.execution_timeout), timedelta())
    assert timedelta() < dag.dagrun_timeout < longest + timedelta(hours=1)


def test_retries_are_few_and_short(dag: Any) -> None:
    for task in dag.tasks:
        assert task.retries == (0 if task.task_id == "report" else 2)
        assert task.retry_delay <= timedelta(seconds=5)
        assert task.retry_exponential_backoff == 2
        assert task.max_retry_delay <= timedelta(minutes=1)


def test_everything_is_explained_in_the_ui(dag: Any) -> None:
    assert "Monday 03:00 UTC" in dag.doc_md
    assert dag.tags
    for task in dag.tasks:
        assert len(task.doc_md) > 40
        assert task.owner == "ml-platform"


def test_the_model_is_there_when_it_is_confirmed(dag: Any) -> None:
    outlets = {task.task_id: [asset.name for asset in task.outlets] for task in dag.tasks if task.outlets}
    assert outlets == {"confirm": ["customer_model"]}


def test_the_params_reach_the_trigger_form(scheduled: Any) -> None:
    params = scheduled.params.dump()
    assert params["epochs"] == resolve().train.epochs
    assert set(params) == {
        *("data", "epochs", "batch_size", "learning_rate", "seed", "minimum_accuracy", "approval", "force", "promote"),
    }


def test_every_monday_at_three(scheduled: Any) -> None:
    first = next_run(scheduled, None)
    second = next_run(scheduled, first)
    assert (first.weekday(), first.hour, first.minute, first.utcoffset()) == (0, 3, 0, timedelta())
    assert second - first == timedelta(days=7)


def test_the_budget_of_false_promotions_counts_the_slots_of_a_year(scheduled: Any) -> None:
    slots = [next_run(scheduled, None)]
    while slots[-1] < slots[0] + timedelta(days=364):
        slots.append(next_run(scheduled, slots[-1]))
    assert len(slots) - 1 == resolve(environment={}).gate.looks_per_year


def test_switching_on_for_the_first_time_runs_nothing_that_is_past(scheduled: Any, monkeypatch: Any) -> None:
    just_after_the_slot = datetime(2026, 11, 23, 3, 1, tzinfo=UTC)
    monkeypatch.setattr("airflow.timetables.trigger.utcnow", lambda: just_after_the_slot)
    assert next_run(scheduled, None) == datetime(2026, 11, 30, 3, tzinfo=UTC)


def next_run(scheduled: Any, last: Any) -> Any:
    from airflow.timetables.base import DataInterval, TimeRestriction

    return scheduled.timetable.next_dagrun_info(
        last_automated_data_interval=None if last is None else DataInterval.exact(last),
        restriction=TimeRestriction(earliest=None, latest=None, catchup=False),
    ).run_after
