"""What the exporter says of how versions do, from campaigns that the gateway's own code wrote down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import generate_latest

from ml.feedback.live_performance import live_performance
from ml.monitoring.metric_families import collector_registry
from ml.performance.live_file import write_live_performance
from ml.storage.root import Root
from tests.ml.feedback.campaigns import FIRST, SETTINGS, Campaign, feedback_of, release, write
from tests.prometheus.exported import Values, parsed, values

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def computed(root: Root) -> None:
    write_live_performance(root, live_performance(root, SETTINGS, feedback_of(root), now=NOW))


def live(found: Values) -> Values:
    return {key: value for key, value in found.items() if key[0].startswith("retrain_live")}


def test_before_anything_was_computed_there_are_no_numbers_and_nothing_is_wrong(root: Root) -> None:
    found = values(root)
    assert live(found) == {}
    assert found["retrain_exporter_source_up", ("performance",)] == 1


def test_a_version_its_measures_and_the_outcomes(root: Root) -> None:
    release(root, 1)
    write(root, [Campaign()])
    computed(root)
    found = live(values(root))
    assert found["retrain_live_computed_timestamp_seconds", ()] == NOW.timestamp()
    assert found["retrain_live_newest_outcome_timestamp_seconds", ()] == (FIRST + timedelta(days=8)).timestamp()
    assert found["retrain_live_newest_list_timestamp_seconds", ()] == FIRST.replace(hour=0).timestamp()
    assert found["retrain_live_customers", ("asked", "1")] == 500
    assert found["retrain_live_outcomes", ()] == 500
    assert found["retrain_live_outcomes_left", ("unknown",)] == 0
    assert found["retrain_live_fallen", ("1",)] == 0
    low, value, high = (
        found["retrain_live_metric_bound", ("low", "auc", "1")],
        found["retrain_live_metric", ("auc", "1")],
        found["retrain_live_metric_bound", ("high", "auc", "1")],
    )
    assert 0.5 < low < value < high < 1
    assert ("retrain_live_metric", ("profit", "1")) not in found  # nobody has said what a contact costs


def test_a_version_that_fell_is_1(root: Root) -> None:
    release(root, 1)
    write(root, [Campaign(flip=0.4, listed=1000)])
    computed(root)
    assert values(root)["retrain_live_fallen", ("1",)] == 1


def test_only_the_newest_versions_that_are_kept_are_labels(root: Root) -> None:
    for version in (1, 2, 3, 12):
        release(root, version, rows=200)
    write(root, [Campaign(version=version, name=f"v{version}", listed=50) for version in (1, 2, 3, 9, 12)])
    computed(root)
    page = generate_latest(collector_registry(root, None, versions=2)).decode()
    shown = {labels[0] for (name, labels) in live(parsed(page)) if name == "retrain_live_fallen"}
    assert shown == {"12", "3"}


@pytest.mark.parametrize("content", ["{}", "", "[1]"])
def test_a_damaged_file_takes_only_its_own_numbers_with_it(root: Root, content: str) -> None:
    root.performance.write_text(content)
    found = values(root)
    assert found["retrain_exporter_source_up", ("performance",)] == 0
    assert found["retrain_exporter_source_up", ("ledger",)] == 1
