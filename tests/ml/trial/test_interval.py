"""The corrected resampled t-test: its formula, its coverage where training sets overlap, and what would be needed."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from scipy import stats

from ml.trial.interval import interval, t_quantile


@pytest.mark.parametrize("freedom", [1, 2, 4, 9, 14, 99, 999, 49_999])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
def test_the_quantile_is_that_of_student(freedom: int, confidence: float) -> None:
    assert t_quantile(confidence, freedom) == pytest.approx(stats.t.ppf((1 + confidence) / 2, freedom), rel=1e-7)


def test_the_interval_is_that_of_nadeau_and_bengio() -> None:
    differences = np.array([0.004, -0.001, 0.002, 0.003, 0.000, 0.001, 0.005, -0.002, 0.002, 0.001])
    found = interval(differences, folds=5)
    error = differences.std(ddof=1) * sqrt(1 / 10 + 0.2 / 0.8)
    half = stats.t.ppf(0.975, 9) * error
    assert (found.mean, found.low, found.high) == pytest.approx((0.0015, 0.0015 - half, 0.0015 + half))
    assert found.half_width == pytest.approx(half)


def test_repeating_what_was_seen_does_not_narrow_it_like_new_data() -> None:
    once = np.array([0.004, -0.001, 0.002, 0.003, -0.002])
    often = np.tile(once, 100)
    assert interval(often, folds=5).half_width > once.std() * sqrt(0.25) * 1.9


def test_the_repeats_that_are_said_to_suffice_do() -> None:
    random = np.random.Generator(np.random.PCG64(1))
    differences = random.normal(0, 0.002, 10)
    differences += 0.0018 - differences.mean()
    differences = 0.0018 + (differences - 0.0018) / differences.std(ddof=1) * 0.0016
    found = interval(differences, folds=5)
    assert found.low < 0
    needed = found.repeats_needed()
    assert needed is not None
    half = {
        repeats: stats.t.ppf(0.975, 5 * repeats - 1) * 0.0016 * sqrt(1 / (5 * repeats) + 0.25)
        for repeats in (needed - 1, needed)
    }
    assert half[needed] < 0.0018 <= half[needed - 1]


def test_a_difference_below_the_floor_is_told_by_no_number_of_repeats() -> None:
    assert interval(np.array([0.001, -0.001, 0.0012, -0.0009, 0.0005]), folds=5).repeats_needed() is None


def test_equal_models_are_called_different_in_about_one_trial_of_twenty() -> None:
    """Two rules of equal worth, fitted and compared again and again on fresh data; uncorrected it would be far more."""
    random = np.random.Generator(np.random.PCG64(2))
    wrong = uncorrected = 0
    for _ in range(400):
        y = random.normal(size=(60, 2))  # two columns to predict alike: by the mean of each on the training folds
        differences = []
        for _ in range(4):
            fold = random.permutation(60) % 5
            for number in range(5):
                train, test = y[fold != number], y[fold == number]
                errors = ((test - train.mean(axis=0)) ** 2).mean(axis=0)
                differences.append(errors[1] - errors[0])
        found = interval(np.array(differences), folds=5)
        wrong += not found.low < 0 < found.high
        half = stats.t.ppf(0.975, 19) * found.deviation / sqrt(20)
        uncorrected += abs(found.mean) > half
    assert wrong <= 0.08 * 400
    assert uncorrected > 0.2 * 400
