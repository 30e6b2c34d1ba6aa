"""The search for weak slices finds a planted one, and names hardly any where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.reports.card.weak_slices import FEWEST_ROWS, LEVEL, adjusted, weak_slices

ROWS = 1600
RUNS = 100


def made_up(random: np.random.Generator) -> dict[str, NDArray[np.object_]]:
    """Eight features with two to nine values, as many as the real ones have."""
    return {
        f"f{k}": random.integers(values, size=ROWS).astype(str).astype(object)
        for k, values in enumerate((2, 3, 4, 3, 9, 4, 3, 3))
    }


def test_a_planted_pair_is_found_and_named_by_its_values() -> None:
    random = np.random.default_rng(1)
    columns = made_up(random)
    planted = (columns["f1"] == "2") & (columns["f2"] == "1")
    right = random.random(ROWS) < np.where(planted, 0.45, 0.85)
    found = weak_slices(columns, right, np.arange(ROWS, dtype=np.uint64))
    assert found.weak[0].selected_by == {"f1": "2", "f2": "1"}
    assert found.weak[0].rows == planted.sum() >= FEWEST_ROWS
    assert found.weak[0].accuracy == right[planted].mean() < found.weak[0].elsewhere


def test_a_pair_says_more_only_where_it_is_weaker_than_the_rest_of_its_weak_feature() -> None:
    random = np.random.default_rng(4)
    columns = made_up(random)
    single = columns["f1"] == "2"
    inner = single & (columns["f2"] == "1")
    chance = np.where(inner, 0.2, np.where(single, 0.65, 0.95))
    found = weak_slices(columns, random.random(ROWS) < chance, np.arange(ROWS, dtype=np.uint64))
    by_name = {tuple(one.selected_by.items()): one for one in found.weak}
    assert by_name[("f1", "2"),].says_more
    assert by_name[("f1", "2"), ("f2", "1")].says_more
    others = [one for one in found.weak if len(one.selected_by) == 2 and one.selected_by.get("f1") == "2"]
    assert [one for one in others if not one.says_more], "the feature alone says it already"


def test_without_any_weakness_false_discoveries_stay_within_the_level() -> None:
    random, runs_with_one, clusters = np.random.default_rng(2), 0, np.repeat(np.arange(ROWS // 2, dtype=np.uint64), 2)
    for _ in range(RUNS):  # pairs of equal customers, about whom the model is right or wrong together
        columns = {name: np.repeat(column[::2], 2) for name, column in made_up(random).items()}
        right = np.repeat(random.random(ROWS // 2) < 0.82, 2)
        found = weak_slices(columns, right, clusters)
        assert found.looked_at > 100
        runs_with_one += bool(found.weak)
    assert runs_with_one <= LEVEL * RUNS


def test_fewer_rows_than_the_limit_are_no_slice() -> None:
    column = np.array(["few"] * (FEWEST_ROWS - 1) + ["many"] * 500, dtype=object)
    right = column == "many"
    assert weak_slices({"f": column}, right, np.arange(len(column), dtype=np.uint64)).looked_at == 0


def test_a_slice_in_which_all_are_wrong_while_all_others_are_right_is_found() -> None:
    column = np.array(["bad"] * 100 + ["good"] * 500, dtype=object)
    found = weak_slices({"f": column}, column == "good", np.arange(len(column), dtype=np.uint64))
    assert [one.selected_by for one in found.weak] == [{"f": "bad"}]
    assert not weak_slices({"f": column}, column != "", np.arange(len(column), dtype=np.uint64)).weak


@pytest.mark.parametrize(("right_in_b", "named"), [(237, 0), (233, 1)])
def test_a_slice_is_named_from_one_in_twenty_on(right_in_b: int, named: int) -> None:
    # Adjusted by hand: 0.083 with 237 of 300 beside 255 of 300, and 0.031 with 233.
    column = np.array(["a"] * 300 + ["b"] * 300, dtype=object)
    right = np.concatenate([np.arange(300) < 255, np.arange(300) < right_in_b])
    found = weak_slices({"f": column}, right, np.arange(600, dtype=np.uint64))
    assert len(found.weak) == named


def test_p_values_are_adjusted_as_by_hand() -> None:
    # m = 3: the sum 1 + 1/2 + 1/3 is 11/6; p(i) * 3 * 11/6 / i, made monotone from the largest
    assert np.allclose(adjusted(np.array([0.02, 0.001, 0.5])), [0.02 * 5.5 / 2, 0.0055, 0.5 * 5.5 / 3])
    assert len(adjusted(np.array([]))) == 0
