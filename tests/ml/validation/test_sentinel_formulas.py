"""The sentinel's numbers, against what counting and simulation give."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from ml.validation.label_noise import label_noise, profile_codes
from ml.validation.leakage import Labels, neighbours, power


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def two_classes(targets: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Labels:
    return Labels(targets.astype(np.int64), ["rest", "D"], np.array([False, True]))


def test_agreement_by_chance_and_its_spread_are_those_of_random_orders() -> None:
    codes = np.repeat(np.arange(3), (200, 60, 40))
    shuffled = [generator(seed).permutation(codes) for seed in range(4000)]
    agree = np.array([np.mean(order[1:] == order[:-1]) for order in shuffled])
    labels = Labels(shuffled[0], ["A", "B", "D"], np.array([False, False, True]))
    found, _ = neighbours(pa.array(np.arange(300)), labels)
    assert found is not None
    assert found.by_chance == pytest.approx(agree.mean(), abs=0.002)
    assert found.deviations == pytest.approx((agree[0] - agree.mean()) / agree.std(), abs=0.1)


def test_the_power_of_a_column_is_the_area_under_the_curve_of_its_rates() -> None:
    random = generator(5)
    codes = random.integers(0, 6, 20_000)
    targets = random.random(20_000) < np.array([0.1, 0.5, 0.3, 0.9, 0.3, 0.05])[codes]
    found = power(codes, two_classes(targets))
    rates = np.array([targets[codes == code].mean() for code in range(6)])
    assert found is not None
    assert found.auc == pytest.approx(roc_auc_score(targets, rates[codes]), abs=0.003)


def test_a_column_that_says_nothing_has_a_half_however_many_values_it_has() -> None:
    targets = generator(6).random(4000) < 0.3
    for values in (2, 50, 1000, 4000):
        found = power(generator(7).integers(0, values, 4000), two_classes(targets))
        assert found is not None
        assert found.auc == pytest.approx(0.5, abs=0.03), values


def test_few_rows_of_a_class_have_no_power() -> None:
    codes = np.arange(1000) % 2
    assert power(codes, two_classes(np.arange(1000) < 49)) is None
    assert power(codes, two_classes(np.arange(1000) < 50)) is not None


def test_agreement_among_twins_is_what_counting_pairs_gives() -> None:
    random = generator(8)
    profiles, codes = random.integers(0, 60, 200), random.integers(0, 3, 200)
    found = label_noise(np.unique(profiles, return_inverse=True)[1], Labels(codes, ["A", "B", "D"], np.arange(3) == 2))
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
        found = label_noise(profiles, two_classes(random.random(12_000) < chance[profiles]))
        assert found is not None
        best = np.maximum(chance, 1 - chance).mean()
        assert best < found.ceiling + 0.005
        assert found.ceiling - best < 0.1, "a ceiling that is too high says nothing"


def test_profiles_are_equal_when_all_columns_are_missing_values_too() -> None:
    columns = [pa.array(["x", None, "x", None, "y"]), pa.array([1.0, None, 1.0, None, 1.0])]
    codes = profile_codes(columns)
    assert codes[0] == codes[2]
    assert codes[1] == codes[3]
    assert len(set(codes.tolist())) == 3


def test_profiles_of_many_columns_do_not_overflow() -> None:
    random = generator(9)
    columns = [random.integers(0, 5000, 6000) for _ in range(12)]
    columns = [np.concatenate([column, column[:100]]) for column in columns]
    codes = profile_codes(pa.array(column) for column in columns)
    assert len(set(codes.tolist())) == 6000
    assert (codes[:100] == codes[6000:]).all()
