"""Estimates from customers of whom some were asked, against what is true in simulated campaigns."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.performance.asked import Asked, Floats
from ml.performance.control_group import compared, uplift
from ml.performance.estimate import Estimate, share, two_sided
from ml.performance.label_shift import shifted_share
from ml.performance.means import FEWEST, aipw_mean, hajek_mean
from ml.performance.ranking import aipw_auc, hajek_auc
from serving.expectation.control_group import is_hopeless, smallest_uplift

CAMPAIGNS = 400
CUSTOMERS = 3000
LISTED = 600
EXPLORED = 0.15


def campaign(random: np.random.Generator) -> tuple[Asked, Floats]:
    """A list of the best with some from below the cut, and how likely each customer really is a target.

    The model is good and not calibrated: it expects too much of the best, and too little of the others.
    """
    truth = random.beta(1.2, 2.5, CUSTOMERS)
    score = np.clip(truth + random.normal(0, 0.15, CUSTOMERS), 0.01, 0.99)
    outcome = (random.random(CUSTOMERS) < truth).astype(float)
    order = np.argsort(-score)
    propensity = np.full(CUSTOMERS, EXPLORED)
    propensity[order[:LISTED]] = 1.0
    outcome[random.random(CUSTOMERS) >= propensity] = np.nan
    return Asked(score, np.clip(1.3 * score - 0.1, 0, 1), propensity, outcome), truth


def auc_of(score: Floats, truth: Floats) -> float:
    """The AUC in expectation over the outcomes, pair by pair of a grid, which is exact for these customers."""
    order = np.argsort(score)
    p = truth[order]
    below = np.cumsum(1 - p) - (1 - p)
    return float((p * below).sum() / (p.sum() * (1 - p).sum() - (p * (1 - p)).sum()))


@pytest.fixture(scope="module")
def campaigns() -> list[tuple[Asked, Floats]]:
    random = np.random.default_rng(20240601)
    return [campaign(random) for _ in range(CAMPAIGNS)]


@pytest.fixture(scope="module")
def population() -> dict[str, float]:
    random = np.random.default_rng(7)
    truth = random.beta(1.2, 2.5, 400_000)
    score = np.clip(truth + random.normal(0, 0.15, len(truth)), 0.01, 0.99)
    return {"share": float(truth.mean()), "auc": auc_of(score, truth)}


def coverage(found: list[tuple[float, float, float]], truth: float) -> tuple[float, float]:
    values = np.array(found)
    inside = (values[:, 1] <= truth) & (truth <= values[:, 2])
    bias = (values[:, 0].mean() - truth) / (values[:, 0].std() / math.sqrt(len(values)))
    return float(inside.mean()), float(bias)


@pytest.mark.parametrize("way", ["hajek", "aipw"])
def test_the_share_of_targets_over_all_customers(
    campaigns: list[tuple[Asked, Floats]], population: dict[str, float], way: str
) -> None:
    found = []
    for asked, _ in campaigns:
        one = hajek_mean(asked, asked.outcome) if way == "hajek" else aipw_mean(asked, asked.outcome, asked.expected)
        found.append((one.value, one.low, one.high))
    covered, bias = coverage(found, population["share"])
    assert 0.92 < covered < 0.98
    assert abs(bias) < 3.5
    naive = np.mean([np.nanmean(asked.outcome) for asked, _ in campaigns])
    assert naive > population["share"] + 0.1  # those who were asked are no sample of all


def test_a_good_expectation_makes_it_more_exact(campaigns: list[tuple[Asked, Floats]]) -> None:
    widths = []
    for asked, truth in campaigns[:50]:
        plain, helped = hajek_mean(asked, asked.outcome), aipw_mean(asked, asked.outcome, truth)
        widths.append((plain.high - plain.low, helped.high - helped.low))
    assert np.mean([helped / plain for plain, helped in widths]) < 0.95


@pytest.mark.parametrize("way", [hajek_auc, aipw_auc])
def test_the_auc_over_all_customers(
    campaigns: list[tuple[Asked, Floats]], population: dict[str, float], way: object
) -> None:
    assert callable(way)
    found = [(one.value, one.low, one.high) for one in (way(asked) for asked, _ in campaigns)]
    covered, bias = coverage(found, population["auc"])
    assert 0.92 < covered < 0.98
    assert abs(bias) < 3.5


def test_with_everybody_asked_both_ways_are_the_plain_auc() -> None:
    random = np.random.default_rng(3)
    score = np.round(random.random(300), 1)  # with ties
    outcome = (random.random(300) < score).astype(float)
    asked = Asked(score, random.random(300), np.ones(300), outcome)
    pairs = score[outcome == 1][:, None] - score[outcome == 0][None, :]
    plain = float(((pairs > 0) + (pairs == 0) / 2).mean())
    assert hajek_auc(asked).value == pytest.approx(plain, abs=1e-12)
    assert aipw_auc(asked).value == pytest.approx(plain, abs=1e-12)


def error_of(found: Estimate) -> float:
    """The standard error, of an interval that is symmetric in log-odds."""
    low, high = (math.log(end / (1 - end)) for end in (found.low, found.high))
    return (high - low) / (2 * two_sided(0.95)) * found.value * (1 - found.value)


def test_the_doubly_robust_auc_is_the_one_of_all_pairs() -> None:
    """Pair by pair, no customer with himself, ties among them; and its error is that of the influence of each."""
    random = np.random.default_rng(9)
    score, expected = np.round(random.random(120), 1), random.random(120)
    propensity = np.where(score > 0.5, 1.0, 0.6)
    outcome = np.where(random.random(120) < propensity, (random.random(120) < score).astype(float), np.nan)
    found = aipw_auc(Asked(score, expected, propensity, outcome))
    target = np.where(np.isnan(outcome), expected, expected + (np.nan_to_num(outcome) - expected) / propensity)
    weight = target[:, None] * (1 - target)[None, :]
    np.fill_diagonal(weight, 0.0)
    kernel = (score[:, None] > score[None, :]) + (score[:, None] == score[None, :]) / 2
    auc = (weight * kernel).sum() / weight.sum()
    assert found.value == pytest.approx(auc, abs=1e-12)
    apart = weight * (kernel - auc) / weight.sum()
    free_of_target, free_of_other = (np.sqrt(1 - np.abs(degree) / degree.sum()) for degree in (target, 1 - target))
    influence = apart.sum(axis=1) / free_of_target + apart.sum(axis=0) / free_of_other
    assert error_of(found) == pytest.approx(np.sqrt(influence @ influence), rel=1e-9)


def test_the_error_of_the_auc_is_that_of_delong() -> None:
    random = np.random.default_rng(4)
    score, outcome = random.random(500), random.integers(0, 2, 500).astype(float)
    found = hajek_auc(Asked(score, score, np.ones(500), outcome))
    kernel = (score[outcome == 1][:, None] > score[outcome == 0][None, :]).astype(float)
    delong = math.sqrt(
        kernel.mean(axis=1).var(ddof=1) / kernel.shape[0] + kernel.mean(axis=0).var(ddof=1) / kernel.shape[1]
    )
    assert error_of(found) == pytest.approx(delong, rel=1e-9)


def nobody_below_the_cut(outcome: NDArray[np.float64]) -> Asked:
    propensity = np.where(np.arange(len(outcome)) < len(outcome) // 2, 1.0, 0.0)
    return Asked(
        np.linspace(1, 0, len(outcome)),
        np.full(len(outcome), 0.5),
        propensity,
        np.where(propensity > 0, outcome, np.nan),
    )


def test_without_exploring_nothing_is_said_of_all_customers() -> None:
    asked = nobody_below_the_cut(np.tile([0.0, 1.0], 100))
    assert not asked.covers_all
    with pytest.raises(ValueError, match="no chance to be asked"):
        aipw_mean(asked, asked.outcome, asked.expected)
    with pytest.raises(ValueError, match="no chance to be asked"):
        aipw_auc(asked)


def test_too_few_outcomes_are_no_number() -> None:
    outcome = np.full(1000, np.nan)
    outcome[: FEWEST - 1] = 1.0
    asked = Asked(np.zeros(1000), np.zeros(1000), np.ones(1000), outcome)
    for found in (
        hajek_mean(asked, outcome),
        aipw_mean(asked, outcome, asked.expected),
        hajek_auc(asked),
        aipw_auc(asked),
    ):
        assert not found.is_known
        assert found.rows == FEWEST - 1


@pytest.mark.parametrize(
    ("propensity", "outcome", "said"),
    [(0.0, 1.0, "propensity of 0"), (1.5, 1.0, "between 0 and 1"), (1.0, 2.0, "neither 0 nor 1")],
)
def test_what_cannot_be_is_refused(propensity: float, outcome: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Asked(np.zeros(1), np.zeros(1), np.array([propensity]), np.array([outcome]))


@pytest.mark.parametrize("now", [0.1, 0.28, 0.5])
def test_a_shifted_share_is_found_without_outcomes(now: float) -> None:
    random, before = np.random.default_rng(11), 0.28
    found = []
    for _ in range(200):
        target = random.random(1000) < now
        evidence = random.normal(np.where(target, 0.9, -0.9), 1.0)
        odds = before / (1 - before) * np.exp(1.8 * evidence)
        one = shifted_share(odds / (1 + odds), before=before)
        found.append((one.value, one.low, one.high))
    covered, bias = coverage(found, now)
    assert 0.9 < covered < 0.99
    assert abs(bias) < 3.5


def test_probabilities_that_say_nothing_leave_the_share_open() -> None:
    found = shifted_share(np.full(100, 0.28), before=0.28)
    assert (found.low, found.high) == (0.0, 1.0)


def test_a_small_control_group_shows_only_a_large_uplift() -> None:
    """The least difference is found as often as it says, in campaigns of 475 asked and 25 left alone."""
    random, base = np.random.default_rng(13), 0.3
    least = smallest_uplift(475, 25, base)
    assert least > 0.2
    found = 0
    for _ in range(2000):
        asked, control = random.binomial(475, base + least), random.binomial(25, base)
        found += uplift(share(asked, 475), share(control, 25)).low > 0
    assert 0.7 < found / 2000 < 0.9
    assert smallest_uplift(475, 0, base) == math.inf
    assert not is_hopeless(least, base)
    assert is_hopeless(smallest_uplift(95, 5, base), 0.5)
    assert is_hopeless(smallest_uplift(475, 0, base), base)


def test_wilson_and_newcombe_hold_their_promise() -> None:
    random = np.random.default_rng(17)
    of_one = of_two = 0
    for _ in range(2000):
        first, second = random.binomial(200, 0.35), random.binomial(40, 0.2)
        one, two = share(first, 200), share(second, 40)
        of_one += one.low <= 0.35 <= one.high
        both = uplift(one, two)
        of_two += both.low <= 0.15 <= both.high
    assert 0.93 < of_one / 2000 < 0.97
    assert 0.93 < of_two / 2000 < 0.98


@pytest.mark.parametrize("effect", [0.0, 0.1])
def test_the_uplift_is_that_within_lists_however_they_differ(effect: float) -> None:
    """Half of good customers are left alone, and one in twenty of bad ones: pooled, asking would seem to do harm."""
    random = np.random.default_rng(19)
    is_control = np.concatenate([np.arange(1000) < 500, np.arange(1000) < 50])
    base, number = np.repeat([0.6, 0.1], 1000), np.repeat([0, 1], 1000)
    covered, values = 0, []
    for _ in range(400):
        outcome = (random.random(2000) < base + effect * ~is_control).astype(float)
        _, found = compared(outcome, is_control, number, np.arange(2000))
        covered += found.low <= effect <= found.high
        values.append(found.value)
    assert np.mean(values) == pytest.approx(effect, abs=0.005)
    assert covered / 400 > 0.93
    assert outcome[~is_control].mean() - outcome[is_control].mean() < -0.1


def test_a_control_group_alone_has_a_share_and_no_uplift() -> None:
    alone, found = compared(np.array([1.0, 0.0]), np.ones(2, np.bool_), np.array([0, 5]), np.arange(2))
    assert (alone.value, alone.rows, found.is_known) == (0.5, 2, False)
