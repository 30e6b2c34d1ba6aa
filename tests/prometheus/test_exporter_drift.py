"""What the exporter says of the last look at the traffic."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from prometheus_client import generate_latest

from ml.drift.finding import DRIFT, Finding
from ml.drift.last_checks import Check, Share, keep_check
from ml.monitoring.metric_families import collector_registry
from ml.storage.root import Root
from tests.prometheus.exported import Values, parsed

NOW = datetime(2026, 11, 29, 6, tzinfo=UTC)
DAY = date(2026, 11, 29)
LOOK = Check(
    DAY,
    NOW,
    3,
    rows=4000,
    customers=3500,
    findings=(Finding(DRIFT, "Age", "Older."),),
    distances={"Age": 0.01, "Gender": 0.001},
    thresholds={"Age": 0.0012, "Gender": 0.024},
    shares=(Share("predicted share", 0.25, 0.26, 0.24, 0.28),),
    held_back=("Run r began for drift: Age.",),
)


def shown(root: Root) -> Values:
    page = generate_latest(collector_registry(root, None)).decode()
    return {
        key: value
        for key, value in parsed(page).items()
        if key[0].startswith(("retrain_monitoring", "retrain_traffic")) or key[1] == ("monitoring",)
    }


def test_before_the_first_look_nothing_is_said(root: Root) -> None:
    assert {name for name, _ in shown(root)} == {"retrain_exporter_source_up", "retrain_exporter_skipped"}


def test_the_newest_look_counts(root: Root) -> None:
    keep_check(root, LOOK)
    keep_check(root, Check(DAY - timedelta(days=1), NOW - timedelta(days=1), 3))
    found = shown(root)
    assert found["retrain_monitoring_timestamp_seconds", ()] == NOW.timestamp()
    assert found["retrain_monitoring_customers", ()] == 3500
    assert found["retrain_monitoring_findings", ("drift",)] == 1
    assert found["retrain_monitoring_findings", ("fall",)] == 0
    assert found["retrain_monitoring_held_back", ()] == 1
    assert found["retrain_traffic_drift", ("Age",)] == 0.01
    assert found["retrain_traffic_drift_threshold", ("Gender",)] == 0.024
    assert found["retrain_traffic_share", ("expected", "predicted_share")] == 0.25


def test_a_damaged_file_takes_only_its_own_numbers(root: Root) -> None:
    keep_check(root, LOOK)
    root.monitoring.write_text('{"checks": [{}]}')
    assert shown(root) == {("retrain_exporter_source_up", ("monitoring",)): 0}
