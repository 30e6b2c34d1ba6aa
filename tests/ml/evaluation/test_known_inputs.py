"""What a release says of its inputs, and the distance of other customers to them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ml.artifacts import Accepted, Examples
from ml.config.settings import resolve
from ml.data.features import CATEGORICAL, FEATURES, NUMERIC
from ml.data.sample import write_csv
from ml.data.schema import seed_schema
from ml.evaluation.known_inputs import known_inputs
from ml.training.transform import transform
from serving.expectation.distances import FileDistances
from serving.expectation.known_inputs import KnownInput


def examples_of(csv: Path, out: Path) -> Examples:
    settings = resolve(environment={})
    out.mkdir()
    return transform(
        Accepted(out, "", 0, csv, [], {}),
        schema=seed_schema(),
        settings=settings.transform,
        target=settings.target,
        out=out,
    )


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    folder = tmp_path_factory.mktemp("known")
    write_csv(folder / "customers.csv", rows=8000, seed=3)
    return examples_of(folder / "customers.csv", folder / "out")


def distances_of(known: dict[str, KnownInput], rows: list[dict[str, object]]) -> FileDistances:
    found = FileDistances(known)
    for name in known:
        for value, count in Counter(row[name] for row in rows).items():
            if value != "" and value == value:
                assert isinstance(value, str | float)
                found.add(name, value, count)
    return found


def test_a_release_knows_what_training_saw_and_what_the_schema_allows(examples: Examples) -> None:
    known = known_inputs(examples, seed_schema())
    train = pq.read_table(examples.train, columns=list(FEATURES)).to_pylist()
    assert known["Gender"].values == ["Female", "Male"]
    assert (known["Age"].low, known["Age"].high, known["Age"].values) == (0.0, 120.0, None)
    assert (known["Gender"].missing, known["Profession"].missing, known["Family_Size"].missing) == (False, True, True)
    assert known["Age"].drift_threshold == pytest.approx(0.0012)
    for name in CATEGORICAL:
        assert sum(known[name].counts) == sum(row[name] != "" for row in train)
    for name in NUMERIC:
        assert sum(known[name].counts) == sum(row[name] == row[name] for row in train)
    assert {name: KnownInput.of(found.as_dict()) for name, found in known.items()} == known


def test_the_training_data_are_at_no_distance_and_artists_alone_are_far(examples: Examples) -> None:
    known = known_inputs(examples, seed_schema())
    train = pq.read_table(examples.train, columns=list(FEATURES)).to_pylist()
    assert {round(found.value, 12) for found in distances_of(known, train).measured()} == {0.0}
    artists = [row for row in train if row["Profession"] == "Artist"]
    far = {found.column: found for found in distances_of(known, artists).measured() if found.is_far}
    share = len(artists) / sum(row["Profession"] != "" for row in train)
    assert far["Profession"].value == pytest.approx(1 - share)
    assert far["Profession"].kind == "L-infinity distance"
    assert far["Age"].kind == "Jensen-Shannon divergence"


def test_other_customers_of_the_same_kind_are_not_far(examples: Examples, tmp_path: Path) -> None:
    write_csv(tmp_path / "others.csv", rows=2000, seed=8)
    others = examples_of(tmp_path / "others.csv", tmp_path / "out")
    rows = pq.read_table(others.train, columns=list(FEATURES)).to_pylist()
    assert [
        found for found in distances_of(known_inputs(examples, seed_schema()), rows).measured() if found.is_far
    ] == []
