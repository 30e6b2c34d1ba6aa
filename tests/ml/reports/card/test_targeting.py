"""The tops of the list: their precision, their lift, and intervals that hold what they promise."""

from __future__ import annotations

import numpy as np

from ml.reports.card.targeting import tops


def test_precision_and_lift_are_those_counted_by_hand() -> None:
    score = np.linspace(1, 0, 100, dtype=np.float32)
    labels = np.zeros(100, dtype=np.int8)
    labels[[*range(8), 12, 13, 25, 90]] = 1
    ten, twenty, thirty = tops(labels, score, np.arange(100, dtype=np.uint64))
    assert [top.rows for top in (ten, twenty, thirty)] == [10, 20, 30]
    assert np.allclose([ten.precision, twenty.precision, thirty.precision], [8 / 10, 10 / 20, 11 / 30])
    assert np.isclose(ten.lift, (8 / 10) / (12 / 100))


def test_customers_with_equal_scores_share_their_places_whatever_their_order() -> None:
    labels = np.array([1] * 50 + [0] * 50, dtype=np.int8)
    score, profiles = np.full(100, 0.5, dtype=np.float32), np.arange(100, dtype=np.uint64)
    assert [top.precision for top in tops(labels, score, profiles)] == [0.5, 0.5, 0.5]
    assert [top.precision for top in tops(labels[::-1].copy(), score, profiles)] == [0.5, 0.5, 0.5]


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random, covered = np.random.default_rng(3), 0
    many = random.random(400_000).astype(np.float32)
    truth = float(np.mean(np.sort(many)[-80_000:]))  # a calibrated score is its own share of target customers
    for _ in range(60):
        score = random.random(800).astype(np.float32)
        labels = (random.random(800) < score).astype(np.int8)
        low, high = tops(labels, score, np.arange(800, dtype=np.uint64))[1].precision_interval
        covered += low <= truth <= high
    assert 52 <= covered <= 60


def test_without_a_target_customer_there_is_nothing_to_say() -> None:
    zeros = np.zeros(10)
    assert tops(zeros.astype(np.int8), zeros.astype(np.float32), np.arange(10, dtype=np.uint64)) == []
