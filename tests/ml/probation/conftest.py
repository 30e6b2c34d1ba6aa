"""A root with two versions, the second on probation, and a server that does what it is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ml.registry.traffic.samples import take_sample
from ml.storage.root import Root
from tests.ml.probation.world import World, world_of


@pytest.fixture
def world(root: Root) -> Iterator[World]:
    with world_of(root) as made:
        yield made


@pytest.fixture
def on_probation(world: World) -> World:
    """Version 2 has just been promoted, after an hour in which version 1 has answered 400 questions."""
    world.release("one")
    take_sample(world.root, world.settings, now=datetime.now(UTC) - timedelta(hours=1))
    world.ask(400)
    world.release("two")
    return world
