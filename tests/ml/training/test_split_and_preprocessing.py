"""Twins stay together, and the encoding is the same in NumPy, in the served graph, and for every size of batch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.artifacts import Accepted
from ml.config.settings import Settings, resolve
from ml.data.csv_reader import parse_numbers, read_batches
from ml.data.features import FEATURES, NUMERIC, transformed
from ml.data.schema import seed_schema
from ml.errors import DataError
from ml.training.examples import example_files
from ml.training.preprocessing import Encoding, Fitter
from ml.training.split import ProfileHashes, is_eval, is_holdout, number_text, profile_hashes, row_hashes
from ml.training.transform import transform
from tests.ml.conftest import settings_for

SETTINGS = resolve(environment={})


def columns_of(csv: Path) -> dict[str, pa.Array]:
    rows = pa.Table.from_batches(list(read_batches(csv))).combine_chunks()
    return {name: parse_numbers(rows[name].chunk(0)) if name in NUMERIC else rows[name].chunk(0) for name in FEATURES}


def transformed_to(out: Path, csv: Path, settings: Settings) -> Path:
    out.mkdir()
    accepted = Accepted(out, "sha", 0, csv, [], {})
    transform(accepted, schema=seed_schema(), settings=settings.transform, target=settings.target, out=out)
    return out


def test_identical_profiles_are_on_one_side(sample_csv: Path) -> None:
    columns = columns_of(sample_csv)
    hashes = profile_hashes(columns, "s01")
    profiles = ["|".join(map(str, row)) for row in zip(*(c.to_pylist() for c in columns.values()), strict=True)]
    sides: dict[str, set[bool]] = {}
    for profile, side in zip(profiles, is_eval(hashes, 0.2), strict=True):
        sides.setdefault(profile, set()).add(bool(side))
    assert len(sides) < len(profiles), "the test needs twins"
    assert all(len(side) == 1 for side in sides.values())


def test_the_share_and_the_salt_decide(sample_csv: Path) -> None:
    columns = columns_of(sample_csv)
    one, other = (is_eval(profile_hashes(columns, salt), 0.2) for salt in ("a", "b"))
    assert 0.17 < one.mean() < 0.23
    assert (one != other).any()
    hashes = profile_hashes(columns, "a")
    holdout = is_holdout(hashes, 0.1)
    assert 0.07 < holdout[~one].mean() < 0.13, "early stopping watches a tenth of train, whatever the split"


def test_22_and_22_0_are_the_same_customer() -> None:
    row = {"Gender": "Male", "Ever_Married": "No", "Graduated": None, "Profession": "Artist", "Spending_Score": "Low"}
    base = {name: pa.array([row[name]], pa.string()) for name in FEATURES if name not in NUMERIC}
    ways = [pa.array(["22"]), pa.array(["22.0"]), pa.array(["22.00"])]
    hashes = {int(profile_hashes(base | {name: parse_numbers(way) for name in NUMERIC}, "s")[0]) for way in ways}
    assert len(hashes) == 1


def test_batches_of_any_size_write_the_same(sample_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte by byte: groups of rows have a size of their own."""
    monkeypatch.setattr(example_files, "ROW_GROUP_ROWS", 500)
    whole = transformed_to(tmp_path / "whole", sample_csv, settings_for(sample_csv))
    small = transformed_to(tmp_path / "small", sample_csv, settings_for(sample_csv, "transform.batch_rows=97"))
    for name in ("encoding.json", "train.parquet", "eval.parquet"):
        assert (whole / name).read_bytes() == (small / name).read_bytes(), name
    groups = pq.ParquetFile(whole / "train.parquet").metadata
    assert [groups.row_group(place).num_rows for place in range(groups.num_row_groups - 1)] == [500] * 4


def test_the_encoding_is_fitted_on_train_only(sample_csv: Path, tmp_path: Path) -> None:
    out = transformed_to(tmp_path / "out", sample_csv, settings_for(sample_csv))
    train = pq.read_table(out / "train.parquet")
    fitter = Fitter()
    fitter.add({n: train[n].to_numpy().astype(np.float32 if n in NUMERIC else object) for n in FEATURES})
    assert fitter.fitted() == Encoding.read(out / "encoding.json")


def test_counts_of_parts_are_merged_to_those_of_all(sample_csv: Path, tmp_path: Path) -> None:
    """And they are the same after they were sent as text."""
    rows = columns_of(sample_csv)
    columns = {
        name: column.fill_null(np.nan).to_numpy().astype(np.float32)
        if name in NUMERIC
        else np.array(column.fill_null("").to_pylist(), dtype=object)
        for name, column in rows.items()
    }
    whole, merged = Fitter(), Fitter()
    whole.add(columns)
    for part in (slice(2000, None), slice(0, 5), slice(5, 2000)):
        one = Fitter()
        one.add({name: column[part] for name, column in columns.items()})
        merged.merge(Fitter.from_dict(json.loads(json.dumps(one.as_dict()))))
    assert merged.fitted() == whole.fitted()


def test_rows_are_complete_and_named(sample_csv: Path, tmp_path: Path) -> None:
    out = transformed_to(tmp_path / "out", sample_csv, settings_for(sample_csv))
    train, held = pq.read_table(out / "train.parquet"), pq.read_table(out / "eval.parquet")
    assert train.num_rows + held.num_rows == 3000
    assert set(train.column_names) == {*FEATURES, *map(transformed, FEATURES), "label", "profile", "row"}
    one_hot = np.stack(train["Profession_xf"].to_numpy())
    assert set(one_hot.sum(axis=1)) == {1.0}
    assert set(np.unique(train["label"])) == {0, 1}


def test_one_class_on_one_side_is_not_this_steps_business_but_an_empty_side_is(
    tmp_path: Path, sample_csv: Path
) -> None:
    few = tmp_path / "few.csv"
    few.write_text("\n".join(sample_csv.read_text().splitlines()[:3]) + "\n")
    with pytest.raises(DataError, match="side of the split is empty"):
        transformed_to(tmp_path / "out", few, settings_for(few, "transform.eval_share=0.01"))


def test_a_missing_label_is_named(tmp_path: Path, sample_csv: Path) -> None:
    lines = sample_csv.read_text().splitlines()
    lines[5] = lines[5][:-1]
    bad = tmp_path / "bad.csv"
    bad.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match="1 row has no Segmentation"):
        transformed_to(tmp_path / "out", bad, settings_for(bad))


@pytest.mark.usefixtures("libraries")
def test_numpy_and_the_served_graph_encode_alike(sample_csv: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    from ml.training.export import encode

    out = transformed_to(tmp_path / "out", sample_csv, settings_for(sample_csv))
    encoding = Encoding.read(out / "encoding.json")
    odd = {
        "Gender": ["Male", "", "Other", "male", "Male", "Male"],
        "Ever_Married": ["Yes", "", "Perhaps", "No", "No", "No"],
        "Age": [18.0, np.nan, -1.0, 119.5, 120.0, np.inf],
        "Graduated": ["Yes", "", "?", "No", "No", "No"],
        "Profession": ["Artist", "", "Pirate", "Lawyer", "Doctor", "Doctor"],
        "Work_Experience": [0.0, np.nan, -1.0, 14.0, 999.0, np.inf],
        "Spending_Score": ["Low", "", "None", "High", "Low", "Low"],
        "Family_Size": [1.0, np.nan, -1.0, 25.0, 999.0, np.inf],
    }
    columns = {n: np.array(v, dtype=np.float32 if n in NUMERIC else object) for n, v in odd.items()}
    ours = np.concatenate(list(encoding.apply(columns).values()), axis=1)
    graph = tf.function(lambda **customers: encode(customers, encoding), autograph=False)
    served = graph(**{name: tf.constant(column) for name, column in columns.items()}).numpy()
    assert np.isfinite(ours).all()
    np.testing.assert_allclose(served, ours, atol=1e-6)
    np.testing.assert_array_equal(served[1], served[2], "a missing customer and an unseen one look alike")
    np.testing.assert_array_equal(served[4], served[5], "999 that stands for unknown is no more than the most seen")


@pytest.mark.parametrize("ages", [40, 30_000], ids=["few values", "more ages than can be packed"])
def test_profiles_that_are_hashed_once_have_the_hashes_of_every_row(ages: int) -> None:
    random = np.random.Generator(np.random.PCG64(ages))
    hashes = ProfileHashes("s01")
    for _ in range(4):  # later batches find profiles of earlier ones, and new ones between them
        rows = 20_000
        numbers = {name: random.integers(0, 3, rows) / 2 for name in NUMERIC} | {"Age": random.integers(0, ages, rows)}
        texts = {name: np.array(["x", "y", None], dtype=object)[random.integers(0, 3, rows)] for name in FEATURES}
        columns = {
            name: pa.array(numbers[name].astype(float), mask=random.random(rows) < 0.1)
            if name in NUMERIC
            else pa.array(texts[name], pa.string())
            for name in FEATURES
        }
        labels = random.integers(0, 2, rows).astype(np.int8)
        given = {}
        for name, column in columns.items():
            encoded = column.dictionary_encode()
            values = encoded.dictionary.to_pylist()
            places = encoded.indices.fill_null(len(values)).to_numpy()
            given[name] = ([*(map(number_text, values) if name in NUMERIC else values), ""], places)
        profiles, of_rows = hashes.of(given, labels)
        assert (profiles == profile_hashes(columns, "s01")).all()
        assert (of_rows == row_hashes(columns, labels)).all()
