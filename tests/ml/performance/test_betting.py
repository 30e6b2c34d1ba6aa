"""The wealth of bets on a challenger: rarely large when it is no better, often when it is."""

from __future__ import annotations

import numpy as np
import pytest

from ml.performance.asked import Floats
from ml.performance.betting import FEWEST, brier_gains, log_wealth, reached_at, weighed

ALPHA = 0.05
RUNS = 600
ROWS = 3000


def fresh_outcomes(random: np.random.Generator, *, better_by: float) -> tuple[Floats, Floats]:
    """Gains and propensities of a year: both models err alike, but for what the challenger has less of it.

    The list is the champion's: whom it is too sure of is asked most.
    """
    truth = random.beta(1.2, 2.5, ROWS)
    champion = np.clip(truth + random.normal(0, 0.15, ROWS), 0, 1)
    challenger = np.clip(truth + random.normal(0, 0.15 - better_by, ROWS), 0, 1)
    propensity = np.where(champion > 0.5, 1.0, 0.3)
    asked = random.random(ROWS) < propensity
    outcome = (random.random(ROWS) < truth).astype(float)
    return brier_gains(champion, challenger, outcome)[asked], propensity[asked]


def wealth(gains: Floats, propensity: Floats) -> Floats:
    return log_wealth(weighed(gains, propensity, np.full(len(gains), propensity.min(initial=1.0))))


def is_rich(gains: Floats, propensity: Floats) -> bool:
    return reached_at(wealth(gains, propensity), ALPHA) is not None


def share_reached(better_by: float) -> float:
    random = np.random.default_rng(20240602)
    return float(np.mean([is_rich(*fresh_outcomes(random, better_by=better_by)) for _ in range(RUNS)]))


def test_an_equal_challenger_rarely_gets_rich_at_any_time() -> None:
    assert share_reached(0.0) <= ALPHA


def test_a_better_one_does() -> None:
    assert share_reached(0.12) > 0.8


def test_looking_at_those_on_the_list_alone_would_be_wrong() -> None:
    """Chosen by the champion's mistakes, an equal challenger looks better among them: the weights are needed."""
    random = np.random.default_rng(5)
    years = [fresh_outcomes(random, better_by=0.0) for _ in range(200)]
    listed = np.array([gains[propensity == 1.0].mean() for gains, propensity in years])
    weighed = np.array([(gains / propensity).sum() / (1 / propensity).sum() for gains, propensity in years])
    assert listed.mean() > 5 * listed.std() / np.sqrt(200)
    assert abs(weighed.mean()) < 3.5 * weighed.std() / np.sqrt(200)


def test_a_customer_who_is_rarely_asked_stands_for_more() -> None:
    """Of two who gain alike, the one with the smallest propensity counts in full."""
    found = weighed(np.array([0.4, 0.4]), np.array([1.0, 0.5]), np.array([0.5, 0.5]))
    assert found == pytest.approx([0.2, 0.4])


def test_the_order_makes_no_difference_to_the_end() -> None:
    random = np.random.default_rng(6)
    gains, propensity = fresh_outcomes(random, better_by=0.05)
    order = random.permutation(len(gains))
    assert wealth(gains[order], propensity[order])[-1] == pytest.approx(wealth(gains, propensity)[-1], rel=1e-9)


def test_the_wealth_is_a_fair_game_when_nothing_is_gained() -> None:
    random = np.random.default_rng(8)
    ends = [np.exp(log_wealth(random.choice([-0.5, 0.5], 20))[-1]) for _ in range(4000)]
    assert np.mean(ends) == pytest.approx(1.0, abs=0.25)


def test_a_few_outcomes_do_not_count_however_clear() -> None:
    clear = np.full(FEWEST, 0.9)
    assert reached_at(log_wealth(clear[:-1]), ALPHA) is None
    assert reached_at(log_wealth(np.append(clear, 0.9)), ALPHA) == FEWEST
    assert reached_at(log_wealth(np.zeros(0)), ALPHA) is None


@pytest.mark.parametrize(
    ("gain", "propensity", "said"), [(1.5, 1.0, "a gain"), (0.5, 0.0, "a propensity"), (0.5, 1.5, "a propensity")]
)
def test_what_is_out_of_range_is_refused(gain: float, propensity: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        weighed(np.array([gain]), np.array([propensity]), np.array([min(abs(propensity), 1.0)]))


def test_what_is_not_of_its_list_is_refused() -> None:
    with pytest.raises(ValueError, match="below the smallest of its list"):
        weighed(np.array([0.1]), np.array([0.2]), np.array([0.3]))
    with pytest.raises(ValueError, match="a gain"):
        log_wealth(np.array([1.5]))


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_level_lies_between_0_and_1(alpha: float) -> None:
    with pytest.raises(ValueError, match="a level"):
        reached_at(np.zeros(0), alpha)
