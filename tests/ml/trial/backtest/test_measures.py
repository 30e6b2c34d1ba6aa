"""What served, measured: means over weeks with their errors, and names counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ml.gate.paired.compare import compare
from ml.gate.paired.contributions import AUC, LOG_LOSS, PROFIT
from ml.trial.backtest.measures import Future
from tests.ml.gate.populations import THRESHOLD, population


def test_names_are_counted_where_the_list_changes() -> None:
    """Of 20 customers two are on the list: 0 and 1 in week 1, 1 and 2 in week 2, 5 and 6 in week 3."""
    scores = np.zeros((3, 20), np.float32)
    scores[0, [0, 1]], scores[1, [1, 2]], scores[2, [5, 6]] = 0.9, 0.9, 0.9
    labels = np.array([0, 1] * 10, np.int8)
    future = Future(labels, np.arange(20, dtype=np.uint64), scores)
    assert future.top == 2
    assert future.changes((1, 2, 3)) == [1, 2]
    assert future.changes((1, 1, 1, 2, 2)) == [0, 0, 1, 0]
    assert future.changes((1, 2, 1)) == [1, 1]


def test_one_name_is_on_the_list_of_a_few_customers() -> None:
    scores = np.array([[0.1, 0.9, 0.5], [0.9, 0.1, 0.5]], np.float32)
    future = Future(np.array([0, 1, 0], np.int8), np.arange(3, dtype=np.uint64), scores)
    assert (future.top, future.changes((1, 2))) == (1, [1])


def test_the_mean_is_over_the_weeks_of_what_served() -> None:
    labels, profiles, scores = population(400, [2.0, 0.7, 1.0])
    future = Future(labels, profiles, scores)
    each = future.by_week(AUC, (1, 2, 3))
    assert each[0] > each[2] > each[1]
    positive = labels > 0
    pairs = np.sign(scores[0, positive][:, None] - scores[0, ~positive][None, :]) / 2 + 0.5
    assert each[0] == pytest.approx(pairs.mean())
    assert future.mean(AUC, (1, 1, 2, 3)).value == pytest.approx((2 * each[0] + each[1] + each[2]) / 4)
    assert future.mean(LOG_LOSS, (1, 2)).value == pytest.approx(np.mean(future.by_week(LOG_LOSS, (1, 2))))
    assert future.difference(AUC, (1, 1), (2, 3)).value == pytest.approx(each[0] - (each[1] + each[2]) / 2)


def test_nothing_differs_from_itself() -> None:
    labels, profiles, scores = population(400, [1.0, 1.0])
    same = Future(labels, profiles, scores).difference(AUC, (1, 2), (1, 2))
    assert (same.value, same.low, same.high) == (0, 0, 0)


@pytest.mark.parametrize("metric", [AUC, LOG_LOSS])
def test_the_interval_of_one_week_is_that_of_the_paired_test(metric: str) -> None:
    labels, profiles, scores = population(800, [1.0, 1.3])
    found = Future(labels, profiles, scores).difference(metric, (2,), (1,))
    tested = compare(metric, labels, profiles, scores[1], scores[:1], threshold=THRESHOLD)
    assert (found.low, found.high) == pytest.approx(tested.interval(0.025))


@pytest.mark.parametrize("metric", [AUC, LOG_LOSS])
def test_the_error_of_a_mean_over_weeks_is_that_of_a_bootstrap_of_profiles(metric: str) -> None:
    labels, profiles, scores = population(800, [1.0, 1.3, 1.1, 0.9])
    serving, first = (1, 2, 3, 4), (1, 1, 1, 1)
    found = Future(labels, profiles, scores).difference(metric, serving, first)
    random = np.random.default_rng(0)
    rows_of = [np.flatnonzero(profiles == one) for one in np.unique(profiles)]
    values = []
    for _ in range(250):
        drawn = np.concatenate([rows_of[one] for one in random.integers(0, len(rows_of), len(rows_of))])
        resampled = Future(labels[drawn], profiles[drawn], scores[:, drawn])
        values.append(resampled.difference(metric, serving, first).value)
    assert (found.high - found.low) / 2 / 1.96 == pytest.approx(np.std(values), rel=0.15)


def test_profit_is_measured_where_a_cut_is_given() -> None:
    labels, profiles, scores = population(400, [2.0, 0.7])
    future = Future(labels, profiles, scores, cut=0.2)
    earned = [float(np.where(one.astype(np.float64) > 0.2, labels - 0.2, 0).mean()) for one in scores]
    assert future.by_week(PROFIT, (1, 2)) == pytest.approx(earned)
    assert future.difference(PROFIT, (1, 1), (2, 2)).value == pytest.approx(earned[0] - earned[1])
    with pytest.raises(KeyError):
        Future(labels, profiles, scores).mean(PROFIT, (1, 2))
