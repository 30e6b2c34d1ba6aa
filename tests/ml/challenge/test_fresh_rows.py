"""Which customers are read of the record, and whom each of them is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml.challenge.fresh_rows import FreshRows, read_fresh_rows
from ml.storage.root import Root
from tests.ml.challenge.world import MODEL, World, customers


def read(world: World) -> FreshRows:
    return read_fresh_rows(world.directories, model=MODEL, target="D")


def test_directories_that_are_not_there_hold_nobody(tmp_path: Path) -> None:
    assert len(read(World(Root(tmp_path)))) == 0


def test_a_list_is_read_with_its_smallest_chance_and_outcomes_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    world, found = World(Root(tmp_path)), customers(4, seed=3)
    world.list_of("a", found, [0.9, 0.2, 0.9, 0.2])
    world.list_of("b", found, [1.0, 1.0, 0.5, 1.0])
    world.tell("b", {2: True})
    world.tell("a", {3: False})
    rows = read(world)
    assert rows.smallest.tolist() == [0.2] * 4 + [0.5] * 4
    assert rows.outcome[rows.in_order].tolist() == [1.0, 0.0]
    assert np.isnan(rows.outcome).sum() == 6


def test_the_same_identifier_is_one_customer_and_without_one_the_same_features_are(tmp_path: Path) -> None:
    world, found = World(Root(tmp_path)), customers(2, seed=3)
    world.list_of("a", found, [0.5, 0.5], {"customer": "7"})
    world.list_of("b", found, [0.5, 0.5], {"customer": None})
    world.list_of("c", found, [0.5, 0.5], {"customer": None})
    seven, also_seven, *anonymous = read(world).customer
    assert seven == also_seven
    assert anonymous[:2] == anonymous[2:]
    assert len({seven, *anonymous}) == 3


def test_a_row_that_lacks_a_feature_or_has_another_kind_of_value_is_counted_and_left_out(tmp_path: Path) -> None:
    world, found = World(Root(tmp_path)), customers(1, seed=3)
    world.list_of("a", found, [0.5], {"features": {"Age": 40.0}})
    world.list_of("b", found, [0.5], {"model": "other"})
    world.list_of("c", found, [0.5], {"propensity": None})
    world.list_of("d", found, [0.5], {"group": "control"})
    rows = read(world)
    assert len(rows) == 0
    assert rows.left == {"features": 1, "control": 1}
