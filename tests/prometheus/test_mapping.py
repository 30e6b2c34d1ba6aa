"""Every StatsD line that recorded runs of the real Airflow sent, and what the real statsd_exporter makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml.pipeline.outcome import OUTCOMES
from ml.pipeline.step_names import STEPS
from tests.prometheus import recording
from tests.prometheus.debian import said_by
from tests.prometheus.statsd_exporter import (
    DROPPED,
    MAPPING,
    StatsdExporter,
    listening,
    program,
    rules,
    without_catch_all,
)

LINES = recording.LINES.read_text().splitlines()
UNMAPPED = "statsd_exporter_events_unmapped_total"
# Lines that the exporter could not read, or whose family has another kind already. It drops them and tells nobody else.
REFUSED = (
    *("statsd_exporter_sample_errors_total", "statsd_exporter_tag_errors_total"),
    *("statsd_exporter_events_conflict_total", "statsd_exporter_events_error_total"),
)
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


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StatsdExporter]:
    """With our mapping but for its last rule, so that it counts what that would drop."""
    scratch = tmp_path_factory.mktemp("statsd")
    with listening(without_catch_all(scratch), log=scratch / "log") as exporter:
        yield exporter


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[StatsdExporter]:
    """With our mapping, and nothing in it."""
    with listening(MAPPING, log=tmp_path / "log") as exporter:
        yield exporter


def came_of(exporter: StatsdExporter, line: str) -> set[tuple[str, frozenset[str]]]:
    """The families, with the names of their labels, that a line touched. Events of value 0 would change no series."""
    before = exporter.series()
    exporter.take([re.sub(r":[^|]*", ":7", line, count=1)])
    after = exporter.series()
    return {
        (series.family, frozenset(label for label, _ in series.labels))
        for series in after
        if after[series] != before.get(series)
    }


@pytest.mark.parametrize("name", sorted({name_of(line) for line in LINES}))
def test_each_recorded_name_is_mapped_as_intended_or_dropped_on_purpose(name: str, exporter: StatsdExporter) -> None:
    intended = {(INTENDED[name][0], frozenset(INTENDED[name][1]))} if name in INTENDED else set()
    for line in dict.fromkeys(line for line in LINES if name_of(line) == name):
        unmapped = exporter.about_itself(UNMAPPED)
        found = came_of(exporter, line)
        assert exporter.about_itself(UNMAPPED) == unmapped, f"{line}: new to us; map it or drop it by name"
        assert found == intended, line


def test_all_that_was_intended_was_recorded() -> None:
    assert INTENDED.keys() <= {name_of(line) for line in LINES}


def test_no_line_is_refused(fresh: StatsdExporter) -> None:
    fresh.take(LINES)
    assert {name: fresh.about_itself(name) for name in REFUSED} == dict.fromkeys(REFUSED, 0)


def test_no_pattern_stands_in_the_way_of_another(tmp_path: Path) -> None:
    """A glob that begins an earlier, longer one never matches; what matched an earlier one gets that one's name."""
    with listening(without_catch_all(tmp_path), log=tmp_path / "log") as exporter:
        for rule in rules()[:-1]:
            kind = {"observer": "ms", "gauge": "g"}.get(rule.get("match_metric_type", ""), "c")
            found = {family for family, _ in came_of(exporter, f"{rule['match'].replace('*', 'x')}:1|{kind}")}
            # The parser of the page ends the names of all counters alike.
            assert {family.removesuffix("_total") for family in found} == (
                set() if rule.get("action") == "drop" else {rule["name"].removesuffix("_total")}
            ), rule["match"]
        assert exporter.about_itself(UNMAPPED) == 0


def test_the_exporter_accepts_the_mapping_itself() -> None:
    said_by(program(), "--check-config", f"--statsd.mapping-config={MAPPING}")


def test_what_nobody_has_looked_at_is_dropped(fresh: StatsdExporter) -> None:
    assert came_of(fresh, "airflow.invented.tomorrow,run_id=x:1|c") == set()
    assert fresh.about_itself(DROPPED) == 1
    assert fresh.page() == ""


def test_milliseconds_become_seconds_in_our_buckets(fresh: StatsdExporter) -> None:
    fresh.take(["airflow.retrain.step,step=train,outcome=done:41500.0|ms"])
    labels = 'outcome="done",step="train"'
    page = fresh.page().splitlines()
    assert f"retrain_step_seconds_sum{{{labels}}} 41.5" in page
    assert f'retrain_step_seconds_bucket{{{labels},le="30"}} 0' in page
    assert f'retrain_step_seconds_bucket{{{labels},le="60"}} 1' in page
    assert "# TYPE retrain_step_seconds histogram" in page


def test_runs_of_each_kind_and_with_each_executor_were_recorded() -> None:
    said = "\n".join(LINES)
    assert set(re.findall(r"run_type=(\w+)", said)) == {"manual", "scheduled"}
    assert set(re.findall(r"executor_class_name=(\w+)", said)) == {"LocalExecutor", "CeleryExecutor"}
    states = set(re.findall(r"airflow\.ti\.finish,.*state=(\w+)", said))
    assert states == {"success", "skipped", "failed", "up_for_retry"}


def test_labels_have_bounds(fresh: StatsdExporter) -> None:
    """A run id, a host name or a sentence as a label would make a new series with every run."""
    values: dict[str, set[str]] = {}
    fresh.take(LINES)
    for series in fresh.series():
        for label, text in series.labels:
            values.setdefault(label, set()).add(text)
    assert values.keys() <= TASK | {
        *("outcome", "step", "component", "state", "run_type", "executor_class_name", "pool_name"),
    }
    assert values["step"] == values["task_id"] == set(STEPS)
    assert values["outcome"] <= {*OUTCOMES, "unknown", "done", "reused", "skipped", "failed", "killed", "stopped"}
    assert values["dag_id"] == {"customer_retraining"}
