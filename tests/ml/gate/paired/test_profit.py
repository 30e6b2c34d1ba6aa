"""Profit is what one counts by hand, its interval covers the truth, and its curve begins at nothing and ends at all."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ml.config.economics import Economics
from ml.gate.paired.expected_profit import expected_profit, profit_curve
from ml.gate.paired.profit import profit_of_rows
from serving.expectation.profit import is_contacted

PRICES = Economics(value=80.0, cost=10.0, budget=0.0, currency="EUR")
LABELS = np.array([1, 1, 0, 0, 0], dtype=np.int8)
SCORES = np.array([0.9, 0.1, 0.5, 0.125, 0.05], dtype=np.float32)


def test_the_rule_contacts_whoever_is_worth_more_than_the_cost() -> None:
    assert is_contacted(SCORES, PRICES.cut).tolist() == [True, False, True, False, False], "0.125 x 80 is the cost"
    assert profit_of_rows(LABELS, SCORES, PRICES.cut).tolist() == [0.875, 0, -0.125, 0, 0]
    found = expected_profit(LABELS, np.arange(5, dtype=np.uint64), SCORES, PRICES)
    assert (found.share, found.profit) == (0.4, 12_000)
    assert found.low < 12_000 < found.high


def test_the_curve_passes_through_every_customer() -> None:
    curve = profit_curve(LABELS, SCORES, PRICES, points=6)
    assert curve.profit.tolist() == pytest.approx([0, 14_000, 12_000, 10_000, 24_000, 22_000])
    assert curve.cut_share == 0.4


def test_customers_with_equal_probabilities_share_their_places() -> None:
    equal = np.full(4, 0.5, dtype=np.float32)
    curve = profit_curve(np.array([1, 1, 0, 0], dtype=np.int8), equal, PRICES, points=5)
    assert curve.profit.tolist() == pytest.approx([0, 7500, 15_000, 22_500, 30_000]), "in whatever order they stand"


def test_without_any_spread_there_is_no_interval() -> None:
    found = expected_profit(np.ones(3, dtype=np.int8), np.arange(3, dtype=np.uint64), SCORES[:1].repeat(3), PRICES)
    assert found.profit == 70_000
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_the_interval_covers_the_truth_with_customers_that_are_alike() -> None:
    random, covered = np.random.default_rng(5), 0
    profiles = np.arange(800, dtype=np.uint64).repeat(2)
    chance = np.linspace(0.02, 0.9, 40)
    truth = 1000 * float(np.mean(np.where(chance * 80 > 10, 80 * chance - 10, 0)))
    for _ in range(400):
        p = random.choice(chance, 800)
        labels = (random.random(800) < p).astype(np.int8).repeat(2)  # both of a pair answer alike
        found = expected_profit(labels, profiles, p.repeat(2).astype(np.float32), PRICES)
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / 400 <= 0.98
