"""Betting on a challenger: evidence from fresh outcomes that may be looked at after each list.

A list is a bet that the challenger's loss is smaller than the champion's, in the mean over all customers of its file.
It is closed a fixed time after it was scored, and counts as a whole or not at all: whom the champion put on top and who
was drawn by lot differ in what is gained, so that within a list the order decides, and whoever chooses it would win.

A list multiplies the wealth of who stakes s by the product of 1 + s * bet over its customers with an outcome. Its
strata are those above and those below the cut; within each, those with an outcome are a simple random sample of the
file's, and each bet is her gain times the number of customers that she stands for. The mean of such a product of draws
without replacement is at most the power of their mean (Maclaurin), and a product of 1 + x at most exp(sum of x): if the
challenger is no better over the file, the mean of the factor is at most 1. Then the wealth after each list is a
supermartingale that begins with 1, and reaches 1/alpha with a probability of at most alpha (Ville, 1939; Waudby-Smith &
Ramdas, "Estimating means of bounded random variables by betting", 2023). Presumed is that what comes of one customer
does not depend on what comes of another, and that whether it is told in time depends neither on it nor on who of her
stratum she is. The holdout, which is asked again and again, is no such sample.

The wealth is the mean over bettors who each stake the same share every time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml.performance.asked import Floats

STAKES: Floats = np.geomspace(0.01, 0.99, 25)
"""The share of its wealth that each bettor stakes; a small gain with much noise is for the small ones."""
FEWEST = 200
"""Outcomes before the wealth counts."""


def brier_gains(champion: Floats, challenger: Floats, outcome: Floats) -> Floats:
    """Return how much smaller the challenger's squared error is for each customer, [n], each from -1 to 1.

    Args:
        champion: Calibrated probabilities, [n].
        challenger: The same.
        outcome: 0 or 1, [n].
    """
    return np.asarray(np.square(champion - outcome) - np.square(challenger - outcome))


def weighed(gains: Floats, stands_for: Floats) -> Floats:
    """Return the gains of one list, times the customers whom each stands for, as they are bet on, [n], -1 to 1.

    The claim is so about all customers of the file and not about those whom the champion put on top of it. The scale is
    the largest number of the list: it is known before any outcome, and the same for all of them.

    Args:
        gains: Each from -1 to 1, [n].
        stands_for: The customers of the file in the stratum of each, divided by those with an outcome, at least 1, [n].

    Raises:
        ValueError: One of them is out of its range.
    """
    if not (np.abs(gains) <= 1).all():
        raise ValueError("a gain is not between -1 and 1")
    if not ((stands_for >= 1) & np.isfinite(stands_for)).all():
        raise ValueError("an outcome stands for less than one customer, or for no number of them")
    return np.asarray(gains * (stands_for / stands_for.max(initial=1.0)))


def log_wealth(lists: Sequence[Floats]) -> Floats:
    """Return the logarithm of the wealth after each list, [lists]; 0 is what it began with.

    Args:
        lists: The bets of each list, in the order in which they were closed; each from -1 to 1, [n of the list].

    Raises:
        ValueError: A bet is out of its range.
    """
    if not all((np.abs(bets) <= 1).all() for bets in lists):
        raise ValueError("a bet is not between -1 and 1")
    if not lists:
        return np.zeros(0)
    factors = [np.log1p(STAKES[:, None] * bets[None, :]).sum(axis=1) for bets in lists]
    of_each = np.cumsum(np.stack(factors, axis=1), axis=1)
    highest = of_each.max(axis=0)
    return np.asarray(highest + np.log(np.exp(of_each - highest).mean(axis=0)))


def reached_at(lists: Sequence[Floats], alpha: float) -> int | None:
    """Return after how many lists, with at least `FEWEST` bets, the wealth was 1/alpha for the first time; or None.

    Raises:
        ValueError: `alpha` is not between 0 and 1, or a bet is out of its range.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"a level of {alpha}, not between 0 and 1")
    enough = np.cumsum([len(bets) for bets in lists]) >= FEWEST
    places = np.flatnonzero(enough & (log_wealth(lists) >= -np.log(alpha)))
    return int(places[0]) + 1 if len(places) else None
