"""Rows that outcomes add are on the training side alone, the last ones there, and stand in for the customer's own."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from ml.artifacts import Accepted, Examples
from ml.config.settings import BeamSettings
from ml.data.features import FEATURES
from ml.data.outcomes.outcome_rows import OutcomeRow, write_outcome_rows
from ml.data.schema import seed_schema
from ml.evaluation.background.sample import sample
from ml.evaluation.row_hashes import write_row_hashes
from ml.training.transform import training_side, transform
from tests.ml.conftest import settings_for

Customers = list[dict[str, str]]


def of_side(path: Path) -> list[tuple[object, ...]]:
    columns = pq.read_table(path, columns=[*FEATURES, "label"]).to_pylist()
    return [tuple(repr(value) for value in row.values()) for row in columns]


class World:
    """A data set, the same data without outcomes transformed, and its customers by side."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.folder = folder
        self.csv = folder / "data.csv"
        shutil.copyfile(source, self.csv)
        with self.csv.open(newline="") as file:
            self.customers = list(csv.DictReader(file))
        self.plain = self.transform("plain")

    def accepted(self) -> Accepted:
        return Accepted(self.folder, "sha", len(self.customers), self.csv, [], {})

    def transform(self, name: str, beam: BeamSettings | None = None) -> Examples:
        out = self.folder / name
        out.mkdir()
        settings = settings_for(self.csv)
        return transform(
            self.accepted(),
            schema=seed_schema(),
            settings=settings.transform,
            target=settings.target,
            out=out,
            beam=beam,
        )

    def of_side(self, side: Path) -> Customers:
        """The customers whose features are on this side."""
        keys = {row[:-1] for row in of_side(side)}
        return [customer for customer in self.customers if self.key(customer) in keys]

    @staticmethod
    def key(customer: Mapping[str, str]) -> tuple[object, ...]:
        numbers = ("Age", "Work_Experience", "Family_Size")
        return tuple(
            repr(float(customer[name]) if customer[name] else float("nan")) if name in numbers else repr(customer[name])
            for name in FEATURES
        )

    def tell(self, *told: tuple[str, Mapping[str, str], str]) -> None:
        rows = (
            OutcomeRow(who, {name: given[name] for name in FEATURES}, label, "2026-11-10", "3", "list", n, 0.5)
            for n, (who, given, label) in enumerate(told, 1)
        )
        write_outcome_rows(rows, self.folder / "outcomes.csv")


@pytest.fixture
def world(tmp_path: Path, sample_csv: Path) -> World:
    return World(tmp_path, sample_csv)


def test_the_rows_come_last_on_the_training_side_with_the_labels_of_the_target(world: World) -> None:
    seen = world.of_side(world.plain.train)
    world.tell(("new-1", seen[0], "D"), ("new-2", seen[1], "rest"))
    found = world.transform("with")
    assert (found.train_rows, found.outcome_rows, found.replaced_rows) == (world.plain.train_rows + 2, 2, 0)
    assert found.rows == found.train_rows + found.eval_rows
    rows = of_side(found.train)
    assert rows[:-2] == of_side(world.plain.train)
    assert rows[-2:] == [(*world.key(seen[0]), "1"), (*world.key(seen[1]), "0")]


def test_the_evaluation_side_stays_as_it_is(world: World) -> None:
    """But for the encoding, which is fitted on the train rows."""
    seen, held = world.of_side(world.plain.train), world.of_side(world.plain.eval)
    world.tell(("new", seen[0], "D"), ("new-2", held[0], "D"), (held[1]["ID"], seen[2], "D"))
    found = world.transform("with")
    assert of_side(found.eval) == of_side(world.plain.eval)
    hashes = ["profile", "row"]
    assert pq.read_table(found.eval, columns=hashes).equals(pq.read_table(world.plain.eval, columns=hashes))
    assert (found.eval_rows, found.outcome_rows) == (world.plain.eval_rows, 1)


def test_features_of_the_evaluation_side_never_join(world: World) -> None:
    held = world.of_side(world.plain.eval)
    world.tell(*((f"new-{n}", customer, "D") for n, customer in enumerate(held[:20])))
    assert world.transform("with").outcome_rows == 0


def test_a_customer_of_the_evaluation_side_does_not_join_with_other_features(world: World) -> None:
    held, seen = world.of_side(world.plain.eval)[0], world.of_side(world.plain.train)[0]
    world.tell((held["ID"], seen, "D"))
    found = world.transform("with")
    assert (found.outcome_rows, found.replaced_rows, found.train_rows) == (0, 0, world.plain.train_rows)


@pytest.mark.parametrize("written", ["{}", "{}.0"])
def test_the_outcome_stands_in_for_the_row_of_the_data(world: World, written: str) -> None:
    seen = world.of_side(world.plain.train)
    customer, like = seen[5], seen[9]
    if written != "{}":
        text = world.csv.read_text().replace(f"\n{customer['ID']},", f"\n{written.format(customer['ID'])},")
        world.csv.write_text(text)
    world.tell((customer["ID"], like, "D"))
    found = world.transform("with")
    assert (found.train_rows, found.outcome_rows, found.replaced_rows) == (world.plain.train_rows, 1, 1)
    before, after = of_side(world.plain.train), of_side(found.train)
    own = (*world.key(customer), str(int(customer["Segmentation"] == "D")))
    assert before.count(own) - after.count(own) == 1
    assert after[-1] == (*world.key(like), "1")


def test_cross_validation_sees_the_same_training_side(world: World) -> None:
    seen = world.of_side(world.plain.train)
    world.tell((seen[5]["ID"], seen[9], "D"), ("new", seen[3], "rest"))
    found, settings = world.transform("with"), settings_for(world.csv)
    side = training_side(world.accepted(), schema=seed_schema(), settings=settings.transform, target=settings.target)
    table = pq.read_table(found.train)
    assert np.array_equal(side.labels, table["label"].to_numpy())
    assert np.array_equal(side.profiles, table["profile"].to_numpy())


def test_what_outlasts_an_erased_customer_is_made_without_the_rows(world: World, tmp_path: Path) -> None:
    seen = world.of_side(world.plain.train)
    write_row_hashes(world.plain, tmp_path / "plain.npy")
    world.tell(*((f"new-{n}", {**seen[0], "Age": f"{n}.5"}, "D") for n in range(20, 60)))
    found = world.transform("with")
    assert found.outcome_rows > 20
    write_row_hashes(found, tmp_path / "with.npy")
    assert (tmp_path / "plain.npy").read_bytes() == (tmp_path / "with.npy").read_bytes()
    ages = sample(found.train, "row", 10_000, of=found.obtained_rows)["Age"]
    assert len(ages) == world.plain.train_rows
    assert not (ages % 1).any()


@pytest.mark.usefixtures("libraries")
def test_the_workers_of_a_runner_write_the_same(world: World) -> None:
    seen = world.of_side(world.plain.train)
    world.tell((seen[5]["ID"], seen[9], "D"), ("new", seen[3], "rest"))
    here = world.transform("here")
    beam = BeamSettings("DirectRunner", (), 600.0, "")
    there = world.transform("there", beam)
    for name in ("train.parquet", "eval.parquet", "encoding.json"):
        assert (here.path / name).read_bytes() == (there.path / name).read_bytes()
    assert (here.rows, here.replaced_rows) == (there.rows, there.replaced_rows)
