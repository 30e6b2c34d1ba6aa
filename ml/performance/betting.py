"""Betting on a challenger: evidence from fresh outcomes that may be looked at whenever one likes.

Each customer with an outcome is a bet that the challenger's loss is smaller than the champion's. If it is not smaller
in the mean, no way of betting makes money: the wealth is a supermartingale that begins with 1, and reaches 1/alpha at
any time with a probability of at most alpha (Ville, 1939; Waudby-Smith & Ramdas, "Estimating means of bounded random
variables by betting", 2023). So nothing is lost by looking after every outcome. It holds for customers whom neither
model has seen, taken as a sample of those to come; the holdout, which is asked again and again, is no such thing.

The wealth is the mean over bettors who each stake the same share every time: the order of customers with outcomes of
the same day makes no difference to it.
"""

from __future__ import annotations

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


def weighed(gains: Floats, propensity: Floats, smallest: Floats) -> Floats:
    """Return the gains as they are bet on: times `smallest` / propensity, [n], each from -1 to 1.

    A customer who is rarely asked stands for more of those like him, so that the claim is about all customers of a list
    and not about those whom the champion put on top of it. The scale of a list is its smallest propensity: it is known
    before any outcome, and the same for all customers of the list, so that it favours nobody among them.

    Args:
        gains: Each from -1 to 1, [n].
        propensity: With which each customer was asked, above 0, [n].
        smallest: The smallest propensity of the list that each customer was on, above 0, [n].

    Raises:
        ValueError: A gain or a propensity is out of its range, or below the smallest of its list.
    """
    if not (np.abs(gains) <= 1).all():
        raise ValueError("a gain is not between -1 and 1")
    if not ((propensity > 0) & (propensity <= 1)).all():
        raise ValueError("a propensity is not between 0 and 1")
    if not ((smallest > 0) & (smallest <= propensity)).all():
        raise ValueError("a propensity is below the smallest of its list")
    return np.asarray(gains * (smallest / propensity))


def log_wealth(weighed_gains: Floats) -> Floats:
    """Return the logarithm of the wealth after each customer, [n]; 0 is what it began with.

    Args:
        weighed_gains: Each from -1 to 1, in the order in which the outcomes became known, [n].

    Raises:
        ValueError: A gain is out of its range.
    """
    if not (np.abs(weighed_gains) <= 1).all():
        raise ValueError("a gain is not between -1 and 1")
    if not len(weighed_gains):
        return np.zeros(0)
    of_each = np.cumsum(np.log1p(STAKES[:, None] * weighed_gains[None, :]), axis=1)
    highest = of_each.max(axis=0)
    return np.asarray(highest + np.log(np.exp(of_each - highest).mean(axis=0)))


def reached_at(log_wealths: Floats, alpha: float) -> int | None:
    """Return after how many outcomes, at least `FEWEST`, the wealth was 1/alpha for the first time; None if never.

    Raises:
        ValueError: `alpha` is not between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"a level of {alpha}, not between 0 and 1")
    places = np.flatnonzero(log_wealths[FEWEST - 1 :] >= -np.log(alpha))
    return int(places[0]) + FEWEST if len(places) else None
