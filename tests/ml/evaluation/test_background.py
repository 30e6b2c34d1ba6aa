"""The background of a version: close to its reference, the same each time, and kept with the release."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from ml.artifacts import Evaluation, Examples
from ml.config.settings import resolve
from ml.data.features import FEATURES, NUMERIC
from ml.errors import FinalError
from ml.evaluation.background.background import CUSTOMERS, REFERENCE_ROWS, chosen_background, write_background
from ml.evaluation.background.sample import sample
from ml.evaluation.background.selection import select, simplex_weights
from ml.evaluation.rows.scoring import loaded
from ml.pipeline.local_runner import RetrainResult
from ml.pipeline.run import Run
from ml.storage.root import Root
from serving.reasons.background import MOST_ROWS, Background, read_background
from serving.reasons.columns import instances_of
from serving.reasons.explain import explain
from serving.reasons.mixed_rows import Columns, Predict
from serving.reasons.shapley import pair_values


@pytest.fixture(scope="module")
def predict(first_run: tuple[Root, RetrainResult]) -> Iterator[Predict]:
    with loaded(first_run[0].version("customer-model", 1)) as servable:

        def probability(columns: Columns) -> NDArray[Any]:
            typed = {n: column.astype(np.float32) if n in NUMERIC else column for n, column in columns.items()}
            return servable.run(typed)["probability"]

        yield probability


def sides(root: Root) -> tuple[Path, Path]:
    place = root.run("first") / "transform"
    return place / "train.parquet", place / "eval.parquet"


def test_it_explains_customers_whom_it_never_saw_as_the_reference_does(
    first_run: tuple[Root, RetrainResult], predict: Predict
) -> None:
    root, _ = first_run
    train, held = sides(root)
    background = read_background(root.release(1) / "background.json")
    others = {name: column[CUSTOMERS:] for name, column in sample(held, "profile", 100, distinct=True).items()}
    right = pair_values(others, sample(train, "row", REFERENCE_ROWS), predict).values.mean(axis=1)
    found = explain(instances_of(others), background, predict)
    assert len(background.weights) <= MOST_ROWS
    assert np.abs(found.values.sum(axis=1) - (found.prediction - background.mean)).max() < 1e-6
    off = np.abs(found.values - right)
    told = background.error
    assert told.mean is not None
    assert told.largest is not None
    assert (told.reference_rows, told.customers) == (REFERENCE_ROWS, CUSTOMERS)
    assert off.mean() < 2 * told.mean < 0.008  # what it says of itself is true of others
    assert np.mean(np.abs(found.values).argmax(axis=1) == np.abs(right).argmax(axis=1)) > 0.9
    same = sample(train, "row", MOST_ROWS)
    plain = np.abs(pair_values(others, same, predict).values.mean(axis=1) - right).mean()
    assert off.mean() < plain / 2  # much better than as many rows by chance


def test_it_is_the_same_each_time_and_travels_with_the_release(
    first_run: tuple[Root, RetrainResult], tmp_path: Path
) -> None:
    root, _ = first_run
    evaluated = root.run("first") / "evaluate" / "background.json"
    assert (root.release(1) / "background.json").read_bytes() == evaluated.read_bytes()
    run = Run(root, "first", resolve(environment={}))
    assert run.artifact("evaluate", Evaluation).background == evaluated
    with loaded(root.version("customer-model", 1)) as servable:
        write_background(run.artifact("transform", Examples), servable, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == evaluated.read_bytes()


def test_a_sample_depends_on_the_rows_alone(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    hashes = random.integers(0, 2**64, 200, dtype=np.uint64)
    hashes = np.concatenate([hashes, hashes[:100]])  # a third of the rows comes twice
    columns = {name: (hashes % 97).astype(np.float64) for name in NUMERIC}
    columns |= {name: np.array([str(h % 7) for h in hashes.tolist()]) for name in FEATURES if name not in NUMERIC}
    order = random.permutation(len(hashes))
    for name, place in (("one", np.arange(len(hashes))), ("other", order)):
        table = pa.table({"row": hashes[place], **{key: column[place] for key, column in columns.items()}})
        pq.write_table(table, tmp_path / name, row_group_size=37)
    one, other = (instances_of(sample(tmp_path / name, "row", 50)) for name in ("one", "other"))
    assert one == other
    smallest = np.sort(hashes)[:50]
    assert [row["Age"] for row in one] == (smallest % 97).astype(float).tolist()
    once = instances_of(sample(tmp_path / "other", "row", 50, distinct=True))
    assert [row["Age"] for row in once] == (np.unique(hashes)[:50] % 97).astype(float).tolist()
    assert len(instances_of(sample(tmp_path / "other", "row", 10_000))) == 300
    assert len(instances_of(sample(tmp_path / "other", "row", 10_000, distinct=True))) == 200


def test_the_weights_are_the_best_there_are() -> None:
    random = np.random.default_rng(2)
    for _ in range(20):
        rows = random.normal(size=(12, 6)) + 0.3
        products = rows.T @ rows
        weights = simplex_weights(products, np.ones(6))
        assert weights.min() >= 0
        assert weights.sum() == pytest.approx(1)
        best = weights @ products @ weights
        others = random.dirichlet(np.ones(6) / 2, size=2000)
        assert best <= np.einsum("ni,ij,nj->n", others, products, others).min() + 1e-9
        assert simplex_weights(products, np.eye(6)[3]) == pytest.approx(weights, abs=1e-6)  # wherever it begins


def test_the_choice_finds_a_mixture_that_is_the_mean_and_comes_near_the_best_pair() -> None:
    random = np.random.default_rng(3)
    corners = random.normal(size=(30, 3))
    values = np.concatenate([corners, corners, corners.mean(axis=1, keepdims=True)], axis=1)
    found = select(values, 3)
    assert values[:, found.rows] @ found.weights == pytest.approx(values.mean(axis=1), abs=1e-6)
    values = random.normal(size=(20, 10))
    off = values - values.mean(axis=1, keepdims=True)
    pairs = [[*pair] for pair in combinations(range(10), 2)]
    squares = []
    for pair in pairs:
        products = off[:, pair].T @ off[:, pair]
        weights = simplex_weights(products, np.ones(2))
        squares.append(float(weights @ products @ weights))
    two = select(values, 2)
    square = float(((off[:, two.rows] @ two.weights) ** 2).sum())
    assert square <= sorted(squares)[4]


def test_equal_rows_and_few_customers_are_no_trouble() -> None:
    columns = {
        name: np.array([1.0] * 4, np.float32) if name in NUMERIC else np.array(["a"] * 4, object) for name in FEATURES
    }
    found = chosen_background(
        columns, {name: c[:2] for name, c in columns.items()}, lambda c: np.full(len(c["Age"]), 0.3)
    )
    assert len(found.weights) == 1
    assert found.mean == pytest.approx(0.3)
    assert (found.error.customers, found.error.mean) == (0, None)
    assert Background.of(json.loads(json.dumps(found.as_dict()))) == found


def test_a_model_that_answers_nonsense_is_named(first_run: tuple[Root, RetrainResult], tmp_path: Path) -> None:
    root, _ = first_run
    examples = Run(root, "first", resolve(environment={})).artifact("transform", Examples)

    class Broken:
        path = Path("models/broken")

        def run(self, columns: Columns) -> dict[str, NDArray[Any]]:
            return {"probability": np.full(len(columns["Age"]), np.nan)}

    with pytest.raises(FinalError, match=r"models/broken: no background for reasons can be chosen .*not finite"):
        write_background(examples, Broken(), tmp_path / "none.json")  # type: ignore[arg-type]
    assert not (tmp_path / "none.json").exists()
