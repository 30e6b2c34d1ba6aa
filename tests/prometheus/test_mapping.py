"""Every StatsD line that recorded runs of the real Airflow sent, and what becomes of it."""

from __future__ import annotations

import re

import pytest

from ml.pipeline.outcome import OUTCOMES
from ml.pipeline.step_names import STEPS
from tests.prometheus import recording
from tests.prometheus.debian import CONFIGURATION
from tests.prometheus.statsd_exporter import Mapping, Sample

LINES = recording.LINES.read_text().splitlines()
MAPPING = Mapping(CONFIGURATION / "statsd_mapping.yml")
CATCH_ALL = "."
TASK = {"dag_id", "task_id"}
# Name in StatsD -> family, labels.
INTENDED: dict[str, tuple[str, set[str]]] = {
    "airflow.retrain.runs": ("retrain_runs_total", {"outcome"}),
    "airflow.retrain.step": ("retrain_step_seconds", {"step", "outcome"}),
    "airflow.scheduler_heartbeat": ("airflow_heartbeats_total", {"component"}),
    "airflow.dag_processor_heartbeat": ("airflow_heartbeats_total", {"component"}),
    "airflow.triggerer_heartbeat": ("airflow_heartbeats_total", {"component"}),
    "airflow.dagrun.duration.success": ("airflow_dagrun_duration_seconds", {"dag_id", "run_type", "state"}),
    "airflow.dagrun.duration.failed": ("airflow_dagrun_duration_seconds", {"dag_id", "run_type", "state"}),
    "airflow.dagrun.schedule_delay": ("airflow_dagrun_schedule_delay_seconds", {"dag_id"}),
    "airflow.ti.start": ("airflow_task_starts_total", TASK),
    "airflow.ti.finish": ("airflow_task_finishes_total", TASK | {"state"}),
    "airflow.task.duration": ("airflow_task_duration_seconds", TASK),
    "airflow.task.scheduled_duration": ("airflow_task_scheduled_seconds", TASK),
    "airflow.executor.open_slots": ("airflow_executor_open_slots", {"executor_class_name"}),
    "airflow.executor.queued_tasks": ("airflow_executor_queued_tasks", {"executor_class_name"}),
    "airflow.executor.running_tasks": ("airflow_executor_running_tasks", {"executor_class_name"}),
    "airflow.pool.starving_tasks": ("airflow_pool_starving_tasks", {"pool_name"}),
    "airflow.scheduler.scheduler_loop_duration": ("airflow_scheduler_loop_seconds", set()),
    "airflow.dagbag_size": ("airflow_dags", set()),
    "airflow.dag_processing.import_errors": ("airflow_dag_import_errors", set()),
    "airflow.dag_processing.total_parse_time": ("airflow_dag_parse_seconds", set()),
}


def name_of(line: str) -> str:
    return re.split("[,:]", line, maxsplit=1)[0]


@pytest.mark.parametrize("name", sorted({name_of(line) for line in LINES}))
def test_each_recorded_name_is_mapped_as_intended_or_dropped_on_purpose(name: str) -> None:
    for line in (line for line in LINES if name_of(line) == name):
        sample = MAPPING.sample(line)
        assert sample.rule != CATCH_ALL, f"{line}: new to us; map it or drop it by name"
        found = (sample.family, set(sample.labels)) if sample.family else None
        assert found == INTENDED.get(name), line


def test_all_that_was_intended_was_recorded() -> None:
    assert INTENDED.keys() <= {name_of(line) for line in LINES}


def test_no_pattern_stands_in_the_way_of_another() -> None:
    assert MAPPING.never_match() == []
    for rule in MAPPING.rules:
        buckets = rule.get("histogram_options", {}).get("buckets", MAPPING.default_buckets)
        assert buckets == sorted(set(buckets))


def test_what_nobody_has_looked_at_is_dropped() -> None:
    assert MAPPING.sample("airflow.invented.tomorrow,run_id=x:1|c") == Sample(
        None, "counter", {"run_id": "x"}, 1.0, CATCH_ALL
    )


def test_milliseconds_become_seconds() -> None:
    sample = MAPPING.sample("airflow.retrain.step,step=train,outcome=done:41500.0|ms")
    assert (sample.family, sample.value, sample.kind) == ("retrain_step_seconds", 41.5, "observer")


def test_runs_of_each_kind_and_with_each_executor_were_recorded() -> None:
    said = "\n".join(LINES)
    assert set(re.findall(r"run_type=(\w+)", said)) == {"manual", "scheduled"}
    assert set(re.findall(r"executor_class_name=(\w+)", said)) == {"LocalExecutor", "CeleryExecutor"}
    states = set(re.findall(r"airflow\.ti\.finish,.*state=(\w+)", said))
    assert states == {"success", "skipped", "failed", "up_for_retry"}


def test_labels_have_bounds() -> None:
    """A run id, a host name or a sentence as a label would make a new series with every run."""
    values: dict[str, set[str]] = {}
    for line in LINES:
        sample = MAPPING.sample(line)
        for label, text in sample.labels.items() if sample.family else ():
            values.setdefault(label, set()).add(text)
    assert values.keys() <= TASK | {
        *("outcome", "step", "component", "state", "run_type", "executor_class_name", "pool_name"),
    }
    assert values["step"] == values["task_id"] == set(STEPS)
    assert values["outcome"] <= {*OUTCOMES, "unknown", "done", "reused", "skipped", "failed", "killed", "stopped"}
    assert values["dag_id"] == {"customer_retraining"}
