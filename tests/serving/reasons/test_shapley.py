"""Shapley values: equal to the definition, they add up, and equal rows are asked once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from serving.reasons import mixed_rows
from serving.reasons.columns import columns_of, instances_of, predict_by_rows
from serving.reasons.explain import explain
from serving.reasons.mixed_rows import Columns
from serving.reasons.shapley import coalition_weights, pair_values
from tests.serving.reasons.games import CUSTOMERS, FEATURES, ROWS, background, by_the_definition, columns, entangled


def test_they_are_those_of_the_definition() -> None:
    found = explain(CUSTOMERS, background(), entangled)
    assert found.features == FEATURES
    for values, customer in zip(found.values, CUSTOMERS, strict=True):
        assert values == pytest.approx(by_the_definition(customer), abs=1e-12)


def test_they_add_up_to_the_difference_to_the_mean_of_the_background() -> None:
    found = explain(CUSTOMERS, background(), entangled)
    assert found.prediction == pytest.approx(entangled(columns(CUSTOMERS)))
    assert found.base == pytest.approx(background().mean, abs=1e-12)
    assert np.abs(found.values.sum(axis=1) - (found.prediction - found.base)).max() < 1e-6
    assert np.abs(found.values).min() > 1e-3  # so that it is no sum of nothing


def test_features_that_do_the_same_get_the_same_and_one_that_does_nothing_gets_nothing() -> None:
    def score(given: Columns) -> NDArray[Any]:
        return np.maximum(given["first"], given["second"]) / 10

    names = ("first", "idle", "second")
    customers = columns_of([{"first": 7.0, "idle": 3.0, "second": 7.0}], names, names)
    rows = columns_of([{"first": 1.0, "idle": 9.0, "second": 1.0}], names, names)
    values = pair_values(customers, rows, score).values[0, 0]
    assert values == pytest.approx([0.3, 0.0, 0.3])
    assert values[1] == 0.0


def test_eight_features_and_all_coalitions_at_random() -> None:
    random = np.random.default_rng(5)
    names = [f"f{i}" for i in range(8)]
    table = random.random(2**8)

    def score(given: Columns) -> NDArray[Any]:
        return np.asarray(table[sum(given[name].astype(int) << i for i, name in enumerate(names))])

    ones, zeros = ({name: np.array([value]) for name in names} for value in (1.0, 0.0))
    found = pair_values(ones, zeros, score).values[0, 0]
    assert found == pytest.approx(table @ coalition_weights(8))
    order = np.zeros(8)
    for _ in range(4000):  # the mean over random orders comes near the sum over all
        held = 0
        for i in random.permutation(8):
            order[i] += table[held | 1 << i] - table[held]
            held |= 1 << i
    assert found == pytest.approx(order / 4000, abs=0.05)


def test_equal_rows_are_asked_once() -> None:
    asked: list[tuple[object, ...]] = []

    def counted(given: Columns) -> NDArray[Any]:
        asked.extend(tuple(str(value) for value in row.values()) for row in instances_of(given))
        return entangled(given)

    found = explain([*CUSTOMERS, *CUSTOMERS, *ROWS], background(), counted)
    assert len(asked) == len({*asked}) == found.asked
    assert found.mixed == 11 * 3 * 2**3
    assert found.asked < found.mixed / 3
    assert found.values[:4] == pytest.approx(found.values[4:8], abs=1e-12)


@pytest.mark.parametrize(("name", "value"), [("MOST_MIXED", 1), ("MOST_MIXED", 16), ("_LARGEST", 10)])
def test_neither_the_size_of_a_block_nor_that_of_a_key_changes_anything(
    name: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pair_values(columns(CUSTOMERS), columns(ROWS), entangled)
    monkeypatch.setattr(mixed_rows, name, value)
    parts = pair_values(columns(CUSTOMERS), columns(ROWS), entangled)
    assert parts.values == pytest.approx(whole.values, abs=1e-12)
    assert np.array_equal(whole.base, parts.base)
    assert np.array_equal(whole.prediction, parts.prediction)


def test_a_server_is_asked_for_a_few_rows_at_a_time() -> None:
    sizes: list[int] = []

    def ask(rows: Any) -> list[float]:
        sizes.append(len(rows))
        return [float(score) for score in entangled(columns(rows))]

    found = explain(CUSTOMERS, background(), predict_by_rows(ask, rows_per_request=5))
    assert found.values == pytest.approx(explain(CUSTOMERS, background(), entangled).values, abs=1e-12)
    assert max(sizes) == 5
    assert sum(sizes) == found.asked


@pytest.mark.parametrize("bad", [np.ones(3), np.full(1000, np.nan)])
def test_what_is_not_a_score_for_each_row_is_refused(bad: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match=r"scores for .* rows, or some that are not finite"):
        pair_values(columns(CUSTOMERS), columns(ROWS), lambda given: bad[: len(given["Age"])])


def test_other_features_and_no_customers_are_refused() -> None:
    with pytest.raises(ValueError, match="are in the background"):
        pair_values({"Age": np.array([1.0])}, columns(ROWS), entangled)
    with pytest.raises(ValueError, match="at least one row"):
        explain([], background(), entangled)
    with pytest.raises(KeyError):
        explain([{"Age": 1.0}], background(), entangled)
    with pytest.raises(ValueError, match=r"^a value of Age is no number$"):
        explain([{**CUSTOMERS[0], "Age": "twenty-two"}], background(), entangled)
