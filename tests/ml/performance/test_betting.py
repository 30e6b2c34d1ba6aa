"""The wealth of bets on a challenger: rarely large when it is no better, often when it is."""

from __future__ import annotations

import numpy as np
import pytest

from ml.performance.asked import Floats
from ml.performance.betting import FEWEST, brier_gains, log_wealth, reached_at, weighed

ALPHA = 0.05
RUNS = 400
LISTS = 10
ROWS = 300


def fresh_outcomes(random: np.random.Generator, *, better_by: float) -> tuple[Floats, Floats]:
    """Gains of a list, and how many each stands for: both models err alike, but for what the challenger has less of it.

    The list is the champion's: whom it is too sure of is asked most.
    """
    truth = random.beta(1.2, 2.5, ROWS)
    champion = np.clip(truth + random.normal(0, 0.15, ROWS), 0, 1)
    challenger = np.clip(truth + random.normal(0, 0.15 - better_by, ROWS), 0, 1)
    is_above = champion > 0.5
    told = is_above | (random.random(ROWS) < 0.3)
    outcome = (random.random(ROWS) < truth).astype(float)
    gains = brier_gains(champion, challenger, outcome)
    return gains[told], np.where(is_above, 1.0, (~is_above).sum() / (~is_above & told).sum())[told]


def is_rich(random: np.random.Generator, better_by: float) -> bool:
    return reached_at([weighed(*fresh_outcomes(random, better_by=better_by)) for _ in range(LISTS)], ALPHA) is not None


def share_reached(better_by: float) -> float:
    random = np.random.default_rng(20240602)
    return float(np.mean([is_rich(random, better_by) for _ in range(RUNS)]))


def test_an_equal_challenger_rarely_gets_rich_at_any_time() -> None:
    assert share_reached(0.0) <= ALPHA


def test_a_better_one_does() -> None:
    assert share_reached(0.12) > 0.8


def test_looking_at_those_on_the_list_alone_would_be_wrong() -> None:
    """Chosen by the champion's mistakes, an equal challenger looks better among them: the weights are needed."""
    random = np.random.default_rng(5)
    years = [fresh_outcomes(random, better_by=0.0) for _ in range(5000)]
    listed = np.array([gains[stands_for == 1.0].mean() for gains, stands_for in years])
    of_all = np.array([(gains * stands_for).sum() / stands_for.sum() for gains, stands_for in years])
    assert listed.mean() > 5 * listed.std() / np.sqrt(5000)
    assert abs(of_all.mean()) < 3.5 * of_all.std() / np.sqrt(5000)


def test_a_customer_who_stands_for_more_counts_for_more() -> None:
    """Of two who gain alike, the one who stands for most counts in full."""
    assert weighed(np.array([0.4, 0.4]), np.array([1.0, 2.0])) == pytest.approx([0.2, 0.4])


def test_the_order_within_a_list_makes_no_difference() -> None:
    random = np.random.default_rng(6)
    lists = [weighed(*fresh_outcomes(random, better_by=0.05)) for _ in range(3)]
    other = [random.permutation(bets) for bets in lists]
    assert log_wealth(other) == pytest.approx(log_wealth(lists), rel=1e-9)


def test_what_is_reached_within_a_list_is_not_reached() -> None:
    """The best first, as one who tells from the top of the list downwards has them."""
    bets = np.concatenate([np.full(FEWEST, 0.9), np.full(FEWEST, -0.9)])
    assert reached_at([bets], ALPHA) is None
    assert reached_at([bets[:FEWEST], bets[FEWEST:]], ALPHA) == 1


def test_the_wealth_is_a_fair_game_when_nothing_is_gained() -> None:
    random = np.random.default_rng(8)
    ends = [np.exp(log_wealth([random.choice([-0.5, 0.5], 20)])[-1]) for _ in range(4000)]
    assert np.mean(ends) == pytest.approx(1.0, abs=0.25)


def test_a_list_whose_strata_differ_is_at_most_a_fair_game() -> None:
    """What is gained above the cut is lost below it: the mean of the factor, over all draws, is at most 1."""
    random = np.random.default_rng(9)
    above, below = np.full(10, 0.6), np.full(90, -0.6 / 9)
    stands_for = np.repeat([1.0, 9.0], 10)
    chance = (1 + np.concatenate([above, random.choice(below, 10)])) / 2
    ends = [
        np.exp(log_wealth([weighed(np.where(random.random(20) < chance, 1.0, -1.0), stands_for)])[0])
        for _ in range(20_000)
    ]
    assert np.mean(ends) == pytest.approx(1.0, abs=0.05)


def test_a_few_outcomes_do_not_count_however_clear() -> None:
    clear = np.full(FEWEST - 1, 0.9)
    assert reached_at([clear], ALPHA) is None
    assert reached_at([clear, np.array([0.9])], ALPHA) == 2
    assert reached_at([], ALPHA) is None


@pytest.mark.parametrize(
    ("gain", "stands_for", "said"), [(1.5, 1.0, "a gain"), (0.5, 0.5, "less than one"), (0.5, np.inf, "no number")]
)
def test_what_is_out_of_range_is_refused(gain: float, stands_for: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        weighed(np.array([gain]), np.array([stands_for]))
    with pytest.raises(ValueError, match="a bet"):
        log_wealth([np.array([1.5])])


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_level_lies_between_0_and_1(alpha: float) -> None:
    with pytest.raises(ValueError, match="a level"):
        reached_at([], alpha)
