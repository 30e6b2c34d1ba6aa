"""What the exporter says of the probation of the last version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import generate_latest

from ml.monitoring.metric_families import collector_registry
from ml.probation.probation import check_probation
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root
from tests.ml.probation.world import world_of
from tests.prometheus.exported import Values, parsed


def shown(root: Root, hours: float = 24.0) -> Values:
    page = generate_latest(collector_registry(root, None, probation_hours=hours)).decode()
    return {key: value for key, value in parsed(page).items() if key[0].startswith("retrain_probation")}


def state(found: Values) -> list[str]:
    return [labels[0] for (name, labels), value in found.items() if name == "retrain_probation" and value == 1]


def test_before_the_first_version(root: Root) -> None:
    found = shown(root)
    assert state(found) == ["none"]
    assert {name for name, _ in found} == {"retrain_probation"}


def test_a_version_on_probation_its_check_and_its_end(root: Root) -> None:
    with world_of(root) as world:
        world.release("one")
        begun = shown(root)
        assert state(begun) == ["on"]
        confirmed = datetime.fromisoformat(Ledger(root.ledger).events()[-1]["at"]).timestamp()
        assert begun["retrain_probation_answered_timestamp_seconds", ()] == confirmed
        assert begun["retrain_probation_until_timestamp_seconds", ()] == confirmed + 86400
        at = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
        check_probation(root, world.settings, now=at)
        checked = shown(root)
        assert checked["retrain_probation_answered_timestamp_seconds", ()] == at.timestamp()
        assert checked["retrain_probation_item", ("known_rows", "passed")] == 1
        assert checked["retrain_probation_item", ("errors", "not_known")] == 1
        assert checked["retrain_probation_item", ("errors", "breached")] == 0
        check_probation(root, world.settings, now=at + timedelta(hours=24))
        passed = shown(root)
        assert state(passed) == ["passed"]
        assert ("retrain_probation_answered_timestamp_seconds", ()) not in passed
        assert state(shown(root, hours=0)) == ["none"]


@pytest.mark.parametrize("versions", [1, 2])
def test_a_breach_with_and_without_a_version_to_go_back_to(root: Root, versions: int) -> None:
    with world_of(root) as world:
        for number in range(versions):
            world.release(f"version {number}")
        world.handler.wrong = frozenset([versions])
        check_probation(root, world.settings, now=datetime.now(UTC) + timedelta(hours=1))
    found = shown(root)
    assert state(found) == (["breached"] if versions == 1 else ["none"])
    assert found["retrain_probation_breached_timestamp_seconds", ()] == pytest.approx(
        datetime.now(UTC).timestamp(), abs=60
    )
