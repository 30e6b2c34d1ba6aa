"""Who looks every day sees a fall only where there is one: versions simulated over their whole life."""

from __future__ import annotations

from dataclasses import fields, replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from ml.performance.asked import Asked, Floats
from ml.performance.estimate import Estimate
from ml.performance.fallen import ERROR, FEWEST, LOOKS, fallen, is_judged, upper_end
from ml.performance.live import Measured, VersionPerformance
from ml.performance.ranking import hajek_auc
from serving.expectation.calibration import logit

UNKNOWN = Measured.unknown("Not asked for here.")
MEASURES: dict[str, Any] = {each.name: UNKNOWN for each in fields(VersionPerformance) if each.type == "Measured"}
BLANK = VersionPerformance("7", True, "", 0, 0, 0, True, **MEASURES)
LIVES = 500
OUTCOMES = 6000
SIZES = np.unique(np.geomspace(FEWEST, OUTCOMES, 40).astype(int))
EVALUATED = 1600


def with_share(outcome: Floats, expected: Floats, deviation: float) -> VersionPerformance:
    error, rows = outcome - expected, len(outcome)
    found = Estimate.normal(float(error.mean()), float(error.std(ddof=1) / rows**0.5), rows)
    return replace(
        BLANK,
        precision=Measured(Estimate.normal(float(outcome.mean()), 0.01, rows)),
        expected_precision=Measured(Estimate.normal(float(expected.mean()), deviation, rows)),
        calibration_error=Measured(found),
    )


def with_auc(found: Estimate, expected: Estimate) -> VersionPerformance:
    return replace(BLANK, auc=Measured(found), expected_auc=Measured(expected))


def life(random: np.random.Generator, rows: int) -> tuple[Floats, Floats, Floats]:
    """Probabilities, as they are and as the version says them, and outcomes; a list is made of the likelier ones."""
    truth = random.beta(3, 2, rows)
    return truth, logit(truth), (random.random(rows) < truth).astype(float)


def test_a_version_that_does_as_expected_is_not_said_to_have_fallen_however_often_one_looks() -> None:
    """The calibration is off by an error of its own, drawn with the covariance that it says it has."""
    random = np.random.default_rng(1)
    alarms = naive = 0
    for _ in range(LIVES):
        truth, score, outcome = life(random, OUTCOMES)
        off = random.normal(0, 0.05)
        expected = 1 / (1 + np.exp(-(score + off)))
        deviation = 0.05 * float((truth * (1 - truth)).mean())
        looks = [with_share(outcome[:rows], expected[:rows], deviation) for rows in SIZES]
        alarms += any(fallen(look) for look in looks)
        naive += any(look.calibration_error.estimate.high < 0 for look in looks)
    assert alarms <= 2 * ERROR * LIVES
    assert naive > 10 * ERROR * LIVES  # an interval of 95 % at each look would have cried wolf


def test_nor_when_the_record_forgets_so_that_each_look_sees_the_last_month() -> None:
    """Five years of looks every day, at the outcomes of the last 30 days, ten a day, against an exact calibration.

    Each look has as many outcomes, so that the one with the fewest standard errors decides.
    """
    random = np.random.default_rng(6)
    a_day, days, window, lives = 10, 5 * LOOKS, 30, 300
    alarms = naive = 0
    for _ in range(lives):
        truth, _, outcome = life(random, a_day * days)
        error, rows = outcome - truth, a_day * window
        total, squares = (np.concatenate([[0.0], np.cumsum(each)])[::a_day] for each in (error, error**2))
        mean = (total[window:] - total[:-window]) / rows
        deviation = np.sqrt(((squares[window:] - squares[:-window]) / rows - mean**2) / (rows - 1))
        worst = int(np.argmin(mean / deviation))
        look = Estimate.normal(float(mean[worst]), float(deviation[worst]), rows)
        exact = Measured(Estimate.normal(0.6, 0.0, rows))
        alarms += (
            fallen(replace(BLANK, precision=exact, expected_precision=exact, calibration_error=Measured(look)))
            is not None
        )
        naive += look.high < 0
    assert alarms <= 5 * ERROR * lives / 2
    assert naive > lives / 2


def test_nor_by_its_auc_whose_expectation_is_an_estimate_too() -> None:
    random = np.random.default_rng(2)
    alarms = naive = 0
    lives = LIVES // 2
    for _ in range(lives):
        _, score, outcome = life(random, EVALUATED)
        expected = hajek_auc(Asked(score, score, np.ones(EVALUATED), outcome))
        _, score, outcome = life(random, OUTCOMES)
        # As with lists that explore: one in ten of those with a low score.
        propensity = np.where(score > 0, 1.0, 0.1)
        known = random.random(OUTCOMES) < propensity
        looks = [
            hajek_auc(Asked(score[:rows], score[:rows], propensity[:rows], np.where(known, outcome, np.nan)[:rows]))
            for rows in SIZES
        ]
        alarms += any(fallen(with_auc(look, expected)) for look in looks)
        naive += any(look.high < expected.value for look in looks)
    assert alarms <= 2 * ERROR * lives
    assert naive > 10 * ERROR * lives


def test_a_share_that_fell_by_ten_points_is_found_within_1500_outcomes() -> None:
    random = np.random.default_rng(3)
    found = 0
    for _ in range(100):
        _, score, _ = life(random, 1500)
        expected = 1 / (1 + np.exp(-score))
        outcome = (random.random(1500) < expected - 0.1).astype(float)
        found += fallen(with_share(outcome, expected, 0.01)) is not None
    assert found > 90


def test_a_model_whose_order_is_lost_is_found() -> None:
    random = np.random.default_rng(4)
    _, score, outcome = life(random, 1000)
    expected = hajek_auc(Asked(score, score, np.ones(1000), outcome))
    shuffled = random.permutation(score)
    said = fallen(with_auc(hajek_auc(Asked(shuffled, shuffled, np.ones(1000), outcome)), expected))
    assert said is not None
    assert said.startswith("By 1,000 outcomes the AUC of version 7 is 0.")
    assert said.endswith(f"where {expected.value:.3f} was expected.")


def test_what_is_not_known_or_known_of_few_is_no_fall() -> None:
    assert fallen(BLANK) is None
    awful = with_share(np.zeros(FEWEST - 1), np.full(FEWEST - 1, 0.9), 0.01)
    assert fallen(awful) is None
    assert not is_judged(awful)
    some = Estimate(-0.5, -0.6, -0.4, FEWEST)
    uncalibrated = replace(awful, expected_precision=Measured(Estimate(0.9, np.nan, np.nan, FEWEST)))
    assert fallen(replace(uncalibrated, calibration_error=Measured(some))) is None
    assert not is_judged(replace(uncalibrated, calibration_error=Measured(some)))
    fallen_by_half = replace(awful, calibration_error=Measured(some))
    assert is_judged(fallen_by_half)
    assert fallen(fallen_by_half) == (
        "Of 200 customers on lists of version 7, 0.0% were targets, where 90.0% were expected."
    )


@pytest.mark.parametrize("rows", [FEWEST, 100 * FEWEST])
def test_the_chance_to_err_is_that_of_one_look_of_a_year(rows: int) -> None:
    one = Estimate.normal(0.5, 0.01, rows)
    factor = (upper_end(one) - 0.5) / 0.01
    assert LOOKS * (1 - NormalDist().cdf(factor)) == pytest.approx(ERROR / 4)
