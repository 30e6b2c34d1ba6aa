"""Which customers are read of the record, and whom each of them is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from ml.challenge.fresh_rows import ABOVE, BELOW, BETWEEN, OPEN_DAYS, FreshRows, read_fresh_rows
from ml.storage.root import Root
from tests.ml.challenge.world import MODEL, World, customers


def read(world: World) -> FreshRows:
    return read_fresh_rows(world.directories, model=MODEL, target="D")


def test_directories_that_are_not_there_hold_nobody(tmp_path: Path) -> None:
    assert len(read(World(Root(tmp_path)))) == 0


def test_the_strata_of_a_file_are_those_above_and_those_below_its_cut(tmp_path: Path) -> None:
    """The customer at the cut, whose place is drawn by lot, is of neither; who was not asked has no outcome."""
    world, found = World(Root(tmp_path)), customers(6, seed=3)
    world.list_of("a", found, [0.9, 0.9, 0.5, 0.2, 0.2, 0.2], groups=["", "control", "", "explored", "", "control"])
    world.tell("a", dict.fromkeys(range(6), True))
    world.list_of("b", found, [0.9] * 6)
    world.tell("b", {2: True, 3: False})
    rows = read(world)
    assert rows.stratum.tolist() == [ABOVE, ABOVE, BETWEEN, BELOW, BELOW, BELOW] + [ABOVE] * 6
    assert np.flatnonzero(~np.isnan(rows.outcome)).tolist() == [0, 2, 3, 8, 9]
    assert len(set(rows.request)) == 2


def test_what_is_told_after_a_list_is_closed_changes_nothing(tmp_path: Path) -> None:
    world, found = World(Root(tmp_path)), customers(3, seed=3)
    world.list_of("a", found, [0.9] * 3)
    world.tell("a", {0: True, 1: True})
    world.tell("a", {1: False, 2: False}, at=datetime.now(UTC) + timedelta(days=OPEN_DAYS + 1))
    rows = read(world)
    assert rows.outcome[:2].tolist() == [1.0, 1.0]
    assert np.isnan(rows.outcome[2])
    assert [closes - at for closes, at in zip(rows.closes, rows.scored, strict=True)] == [timedelta(OPEN_DAYS)] * 3


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
    rows = read(world)
    assert len(rows) == 0
    assert rows.left == {"features": 1}
