"""The sentinel's numbers, against what counting and simulation give."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from ml.validation.counts.column import Column
from ml.validation.counts.joint_counts import JointCounts
from ml.validation.label_noise import label_noise
from ml.validation.leakage import (
    MAX_VALUES,
    ROWS_A_BIN,
    Classes,
    OrderCounts,
    Power,
    in_first_half,
    neighbours,
    power_of,
    quantile_bins,
    random_from,
)

TWO = Classes(["rest", "D"], np.array([False, True]))


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def power(codes: np.ndarray, targets: np.ndarray) -> Power | None:  # type: ignore[type-arg]
    """What the codes of some rows tell of whether each is a target."""
    counts = np.zeros((2, codes.max() + 1, 2), np.int64)
    np.add.at(counts, (in_first_half(random_from(0), len(codes)).astype(int), codes, targets.astype(int)), 1)
    return power_of(counts, TWO)


def table(profiles: np.ndarray, codes: np.ndarray, classes: int) -> np.ndarray:  # type: ignore[type-arg]
    """The counts of each profile and class."""
    return np.bincount(profiles * classes + codes, minlength=(profiles.max() + 1) * classes).reshape(-1, classes)


def test_agreement_by_chance_and_its_spread_are_those_of_random_orders() -> None:
    codes = np.repeat(np.arange(3), (200, 60, 40))
    shuffled = [generator(seed).permutation(codes) for seed in range(4000)]
    agree = np.array([np.mean(order[1:] == order[:-1]) for order in shuffled])
    classes = Classes(["A", "B", "D"], np.array([False, False, True]))
    found, _ = neighbours(OrderCounts.of(shuffled[0], 3, before=0, rows=300), classes)
    assert found is not None
    assert found.by_chance == pytest.approx(agree.mean(), abs=0.002)
    assert found.deviations == pytest.approx((agree[0] - agree.mean()) / agree.std(), abs=0.1)


@pytest.mark.parametrize("cuts", [[0, 0, 1, 2], [700], [2999, 2999], range(0, 3000, 100)])
def test_an_order_in_parts_has_the_counts_of_the_whole(cuts: list[int]) -> None:
    codes = generator(4).integers(0, 3, 3000).astype(np.int8)
    whole = OrderCounts.of(codes, 3, before=0, rows=3000)
    found = OrderCounts.of(codes[:0], 3, before=0, rows=3000)
    for begin, end in pairwise([0, *cuts, 3000]):
        found = found.followed_by(OrderCounts.of(codes[begin:end], 3, before=begin, rows=3000))
    assert found.table.tolist() == whole.table.tolist()
    assert found.by_class.tolist() == whole.by_class.tolist()
    assert (found.agreeing, found.first, found.last) == (whole.agreeing, whole.first, whole.last)


def test_the_power_of_a_column_is_the_area_under_the_curve_of_its_rates() -> None:
    random = generator(5)
    codes = random.integers(0, 6, 20_000)
    targets = random.random(20_000) < np.array([0.1, 0.5, 0.3, 0.9, 0.3, 0.05])[codes]
    found = power(codes, targets)
    rates = np.array([targets[codes == code].mean() for code in range(6)])
    assert found is not None
    assert found.auc == pytest.approx(roc_auc_score(targets, rates[codes]), abs=0.003)


def test_a_column_that_says_nothing_has_a_half_however_many_values_it_has() -> None:
    targets = generator(6).random(4000) < 0.3
    for values in (2, 50, 1000, 4000):
        found = power(generator(7).integers(0, values, 4000), targets)
        assert found is not None
        assert found.auc == pytest.approx(0.5, abs=0.03), values


def test_few_rows_of_a_class_have_no_power() -> None:
    codes = np.arange(1000) % 2
    assert power(codes, np.arange(1000) < 49) is None
    assert power(codes, np.arange(1000) < 50) is not None


def test_agreement_among_twins_is_what_counting_pairs_gives() -> None:
    random = generator(8)
    profiles, codes = random.integers(0, 60, 200), random.integers(0, 3, 200)
    found = label_noise(table(profiles, codes, 3), np.arange(3) == 2)
    assert found is not None
    shares = []
    conflicting = 0
    for profile in range(60):
        rows = codes[profiles == profile]
        conflicting += len(set(rows.tolist())) > 1
        if len(rows) > 1:
            pairs = [(a == 2) == (b == 2) for a, b in combinations(rows, 2)]
            shares += [np.mean(pairs)] * len(rows)
    assert (found.conflicting, found.twins) == (conflicting, len(shares))
    assert found.agree == pytest.approx(np.mean(shares))


def test_no_classifier_exceeds_the_ceiling() -> None:
    """Labels drawn with a known chance for each profile: the best rule, which knows the chances, stays below."""
    for seed in range(5):
        random = generator(seed)
        chance = random.beta(0.5 + seed, 2, 3000)
        profiles = np.repeat(np.arange(3000), 4)
        targets = random.random(12_000) < chance[profiles]
        found = label_noise(table(profiles, targets.astype(np.int64), 2), np.array([False, True]))
        assert found is not None
        best = np.maximum(chance, 1 - chance).mean()
        assert best < found.ceiling + 0.005
        assert found.ceiling - best < 0.1, "a ceiling that is too high says nothing"


def profile_rows(columns: dict[str, pa.Array]) -> list[int]:
    """How many rows each profile has, of some features."""
    counts = JointCounts()
    rows = len(next(iter(columns.values())))
    counts.add({name: Column.of(column) for name, column in columns.items()}, np.zeros(rows, np.int8), 1)
    return sorted(counts.profiles().sum(axis=1).tolist())


def test_profiles_are_equal_when_all_columns_are_missing_values_too() -> None:
    columns = {"Gender": pa.array(["x", None, "x", None, "y"]), "Age": pa.array([1.0, None, 1.0, None, 1.0])}
    assert profile_rows(columns) == [1, 2, 2]


def test_profiles_of_many_columns_and_of_neighbouring_numbers_are_told_apart() -> None:
    random = generator(9)
    columns = [random.integers(0, 5000, 6000).astype(float) for _ in range(12)]
    columns = [np.concatenate([column, column[:100]]) for column in columns]
    named = {str(place): pa.array(column) for place, column in enumerate(columns)}
    assert profile_rows(named) == [1] * 5900 + [2] * 100
    grid = np.stack(np.meshgrid(*[np.arange(30.0)] * 4)).reshape(4, -1)
    assert profile_rows({str(place): pa.array(column) for place, column in enumerate(grid)}) == [1] * 30**4


@pytest.mark.parametrize("rows", [2000, 5000, 40_000])
def test_quantiles_of_counted_numbers_are_those_of_numpy(rows: int) -> None:
    random = generator(rows)
    numbers = np.round(random.normal(size=rows), 4)
    values, counts = np.unique(numbers, return_counts=True)
    binned = quantile_bins(values, counts[:, None], missing=np.zeros(len(values), bool))
    count = max(2, min(MAX_VALUES, rows // ROWS_A_BIN))
    edges = np.quantile(numbers, np.arange(1, count) / count)
    assert len(values) > MAX_VALUES
    expected = np.bincount(np.searchsorted(edges, numbers, side="right") + 1, minlength=count + 1)
    assert binned[:, 0].tolist() == expected.tolist()
