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
from numpy.typing import NDArray

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


def log_wealth(gains: Floats, propensity: Floats) -> Floats:
    """Return the logarithm of the wealth after each customer, [n]; 0 is what it began with.

    A gain is weighed by 1 / propensity, so that the claim is about all customers and not about those whom the champion
    had on its list; divided by the largest such weight there may be, it stays between -1 and 1.

    Args:
        gains: Each from -1 to 1, in the order in which the outcomes became known, [n].
        propensity: With which each customer was asked, above 0, [n]. The smallest must not depend on outcomes: it is
            that of the lists' rule.

    Raises:
        ValueError: A gain or a propensity is out of its range.
    """
    if len(gains) and not (np.abs(gains) <= 1).all():
        raise ValueError("a gain is not between -1 and 1")
    if not ((propensity > 0) & (propensity <= 1)).all():
        raise ValueError("a propensity is not between 0 and 1")
    if not len(gains):
        return np.zeros(0)
    weighed = gains * propensity.min() / propensity
    of_each = np.cumsum(np.log1p(STAKES[:, None] * weighed[None, :]), axis=1)
    highest = of_each.max(axis=0)
    return np.asarray(highest + np.log(np.exp(of_each - highest).mean(axis=0)))


def reached(log_wealths: NDArray[np.float64], alpha: float) -> bool:
    """Whether the wealth has reached 1/alpha at some time, with at least `FEWEST` outcomes.

    Raises:
        ValueError: `alpha` is not between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"a level of {alpha}, not between 0 and 1")
    counting = log_wealths[FEWEST - 1 :]
    return bool(len(counting) and counting.max() >= -np.log(alpha))
