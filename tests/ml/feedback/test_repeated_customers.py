"""The same customers on a list each week are no more customers: intervals hold, and nothing has fallen."""

from __future__ import annotations

import numpy as np

from ml.config.settings import resolve
from ml.feedback.measures import measure
from ml.feedback.release_facts import ReleaseFacts
from ml.performance.customers import TARGETED, Customers
from ml.performance.fallen import fallen
from ml.performance.live import Measured, VersionPerformance
from serving.expectation.calibration import Calibration

PEOPLE, WEEKS, LIVES = 300, 26, 100
TRUTH, AUC = 0.6, 0.7571
"""Of customers whose probabilities have the distribution beta(3, 2), and are right."""
EXACT = Calibration(0.0, 1.0, ((1e-9, 0.0), (0.0, 1e-9)), 10**6)
NOBODY_KNOWS = Measured.unknown("Not asked for here.")
FACTS = ReleaseFacts(EXACT, "", NOBODY_KNOWS, NOBODY_KNOWS, np.zeros((3, 3)))


def half_a_year(random: np.random.Generator, *, are_named: bool = True) -> VersionPerformance:
    """The same 300 people on 26 lists of everybody, who come to the same each time."""
    rows = PEOPLE * WEEKS
    said = random.beta(3, 2, PEOPLE)
    outcome = np.tile((random.random(PEOPLE) < said).astype(float), WEEKS)
    score, number = np.tile(said, WEEKS), np.repeat(np.arange(WEEKS), PEOPLE)
    day = np.repeat(np.datetime64("2026-06-01") + 7 * np.arange(WEEKS), PEOPLE)
    who = np.tile(np.arange(PEOPLE), WEEKS) if are_named else np.arange(rows)
    whole = np.ones(rows, np.bool_)
    customers = Customers(score, score, np.ones(rows), outcome, np.full(rows, TARGETED), number, whole, day, who)
    economics = resolve(environment={}).economics
    return measure("1", customers, FACTS, traffic=np.zeros(0), economics=economics, is_champion=True)


def held(found: list[Measured], truth: float) -> float:
    return float(np.mean([one.estimate.low <= truth <= one.estimate.high for one in found]))


def test_the_intervals_are_those_of_300_customers_and_no_version_has_fallen() -> None:
    random = np.random.default_rng(23)
    found = [half_a_year(random) for _ in range(LIVES)]
    assert held([one.precision for one in found], TRUTH) > 0.9
    assert held([one.share for one in found], TRUTH) > 0.9
    assert held([one.calibration_error for one in found], 0.0) > 0.9
    assert held([one.calibration_slope for one in found], 1.0) > 0.9
    assert held([one.auc for one in found], AUC) > 0.9
    assert held([one.robust_auc for one in found], AUC) > 0.9
    assert not any(fallen(one) for one in found)
    measures = (found[0].precision, found[0].calibration_error, found[0].share, found[0].auc, found[0].robust_auc)
    assert {one.estimate.rows for one in measures} == {PEOPLE}
    assert (found[0].scored, found[0].with_outcome) == (PEOPLE * WEEKS, PEOPLE * WEEKS)


def test_taken_for_others_each_week_they_would_be_said_to_have_fallen() -> None:
    random = np.random.default_rng(22)
    found = [half_a_year(random, are_named=False) for _ in range(LIVES // 3)]
    assert np.mean([fallen(one) is not None for one in found]) > 0.05
    assert held([one.precision for one in found], TRUTH) < 0.6
