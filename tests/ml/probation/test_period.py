"""Which version is on probation, since when and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ml.probation.period import Period, period_of_champion
from ml.registry.intervention.release import release
from ml.registry.intervention.rollback import rollback
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root
from tests.ml.light_world import do_promote
from tests.ml.probation.world import World

LATER = timedelta(hours=1)


def period(root: Root, *, hours: float = 24, after: timedelta = LATER) -> Period | None:
    return period_of_champion(Ledger(root.ledger), hours=hours, now=datetime.now(UTC) + after)


def test_a_promoted_version_is_on_probation_for_its_hours(world: World) -> None:
    assert period(world.root) is None, "there is no version"
    world.release("one")
    found = period(world.root)
    assert found is not None
    assert (found.version.number, found.state) == (1, "on")
    assert found.until - found.confirmed == timedelta(hours=24)
    assert found.published <= found.confirmed
    assert period(world.root, hours=0) is None


@pytest.mark.parametrize(("hours", "state"), [(23, "on"), (47, "on"), (49, "lapsed")])
def test_one_that_nobody_could_check_lapses(world: World, hours: int, state: str) -> None:
    world.release("one")
    found = period(world.root, after=timedelta(hours=hours))
    assert found is not None
    assert found.state == state


@pytest.mark.parametrize("outcome", ["passed", "breached"])
def test_what_was_decided_stands_whatever_the_time(world: World, outcome: str) -> None:
    world.release("one")
    Ledger(world.root.ledger).append("probation", run_id="one", version=1, outcome=outcome, reason="r")
    found = period(world.root, after=timedelta(days=90))
    assert found is not None
    assert (found.state, found.reason) == (outcome, "r")
    world.release("two")
    newer = period(world.root)
    assert newer is not None
    assert (newer.version.number, newer.state) == (2, "on"), "each version has its own"


def test_what_a_rollback_brought_needs_none(world: World) -> None:
    for name in ("one", "two"):
        world.release(name)
    rollback(world.root, world.settings, target=None, reason="r")
    assert period(world.root) is None
    release(world.root, world.settings, reason="the cause is found")
    world.release("three")
    assert period(world.root) is not None


def test_giving_up_an_unconfirmed_version_ends_no_probation_of_the_champion(world: World) -> None:
    world.release("one")
    before = period(world.root)
    do_promote(world.root, world.settings, "kills the server")
    assert rollback(world.root, world.settings, target=None, reason="r").number == 1
    assert before is not None
    assert period(world.root) == before


def test_a_version_that_nobody_has_confirmed_is_not_on_probation_yet(world: World) -> None:
    world.release("one")
    do_promote(world.root, world.settings, "two")
    found = period(world.root)
    assert found is not None
    assert found.version.number == 1
