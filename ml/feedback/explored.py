"""Whether enough is known of customers from below the cut to say anything of all customers.

Each of them stands for many, so that nearly all of the error comes from them, and an interval is as good as the normal
distribution is for the few targets among them. In simulated campaigns with fewer than five targets an interval of 95 %
held the truth in 7 of 10, and the AUC was too high, which hides a fall; from `FEWEST` of either kind on in 92 to 98 of
100 (tests/ml/feedback/test_few_explored.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.performance.asked import Floats
from ml.performance.customers import EXPLORED, Customers, Flags

FEWEST = 10
"""Targets, and others, from below the cut with an outcome, by what their weights are worth."""


@dataclass(frozen=True)
class FewExplored:
    """That too few customers from below the cut have an outcome.

    Attributes:
        targets: How many of them are targets; one who was on several lists counts once.
        others: How many are not.
        worth: What the scarcer of the two are worth: as many as they are when all have the same weight.
        more: About how many more outcomes from there it takes, at the share of targets that is known of them.
    """

    targets: int
    others: int
    worth: float
    more: int

    @property
    def customers(self) -> int:
        """How many customers from below the cut have an outcome."""
        return self.targets + self.others

    @property
    def sentence(self) -> str:
        """What is missing."""
        scarce = min(self.targets, self.others)
        worth = f" (by their weights they are worth {self.worth:.1f})" if self.worth < scarce - 0.05 else ""
        return (
            f"From below the cut {self.targets} targets and {self.others} others have an outcome{worth}: it takes "
            f"{FEWEST} of each for a number about all customers, which is about {self.more:,} more outcomes from there."
        )


def few_explored(customers: Customers, rows: Flags) -> FewExplored | None:
    """Return what is missing; None when there is enough, or nobody was left to the lot, as on a list of everybody.

    Args:
        customers: Those of lists.
        rows: Of whom something is to be said, [n].
    """
    by_lot = rows & customers.is_by_lot
    if not by_lot.any():
        return None
    known = rows & customers.is_answered & (customers.part == EXPLORED)
    weight = 1 / (customers.propensity[known] * customers.answered_share[known])
    is_target, who = customers.outcome[known] == 1, customers.customer[known]
    found = [(_worth(weight[kind], who[kind]), len(np.unique(who[kind]))) for kind in (is_target, ~is_target)]
    if min(worth for worth, _ in found) >= FEWEST:
        return None
    (target_worth, targets), (other_worth, others) = found
    # What the model expects of them counts as one outcome, so that there is a share when there are none.
    share = (targets + float(customers.expected[by_lot].mean())) / (targets + others + 1)
    needed = max((FEWEST - target_worth) / max(share, 1e-3), (FEWEST - other_worth) / max(1 - share, 1e-3))
    return FewExplored(targets, others, min(target_worth, other_worth), math.ceil(needed))


def _worth(weight: Floats, who: NDArray[np.intp]) -> float:
    """How many customers of equal weight know as much (Kish, 1965)."""
    if not len(weight):
        return 0.0
    _, place = np.unique(who, return_inverse=True)
    of_each = np.bincount(place, weights=weight)
    return float(of_each.sum() ** 2 / (of_each @ of_each))
