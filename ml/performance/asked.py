"""The customers of a list of whom some were asked: what each one's chance was, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """Customers of whom some were asked, and answered.

    A customer below the cut of a list is asked with the small probability with which the list explores, one above the
    cut with a probability near 1. Where it is 0, nobody like that customer ever has an outcome, and no weight can make
    up for it: `covers_all` is false then, and what is estimated is about those with a chance.

    Attributes:
        score: What the model said of each, float64 [n].
        expected: The calibrated probability of each, float64 [n].
        propensity: The probability with which each was asked, float64 [n], 0 to 1.
        outcome: 1, 0, or NaN for a customer without an outcome, float64 [n].
        customer: Who each one is: the same number for the same customer of several lists, intp [n]. None when all are
            different.
    """

    score: Floats
    expected: Floats
    propensity: Floats
    outcome: Floats
    customer: NDArray[np.intp] | None = None

    def __post_init__(self) -> None:
        """Raise a `ValueError` when the arrays do not fit, or somebody was asked who could not be."""
        sizes = {len(array) for array in (self.score, self.expected, self.propensity, self.outcome)}
        sizes |= set() if self.customer is None else {len(self.customer)}
        if len(sizes) > 1:
            raise ValueError(f"arrays of {sorted(sizes)} customers")
        if not ((self.propensity >= 0) & (self.propensity <= 1)).all():
            raise ValueError("a propensity is not between 0 and 1")
        if (self.has_outcome & (self.propensity == 0)).any():
            raise ValueError("a customer has an outcome, and a propensity of 0")
        if not np.isin(self.outcome[self.has_outcome], (0, 1)).all():
            raise ValueError("an outcome is neither 0 nor 1")

    def __len__(self) -> int:
        return len(self.score)

    @property
    def has_outcome(self) -> NDArray[np.bool_]:
        """Which customers have an outcome, [n]."""
        return ~np.isnan(self.outcome)

    @property
    def covers_all(self) -> bool:
        """Whether each customer had a chance to be asked."""
        return bool((self.propensity > 0).all())

    @property
    def weight(self) -> Floats:
        """How many customers each one stands for, [n]: 1 / propensity with an outcome, 0 without."""
        return np.divide(1.0, self.propensity, out=np.zeros(len(self)), where=self.has_outcome)

    def of(self, rows: NDArray[np.bool_]) -> Asked:
        """Return some of the customers."""
        who = None if self.customer is None else self.customer[rows]
        return Asked(self.score[rows], self.expected[rows], self.propensity[rows], self.outcome[rows], who)

    @property
    def answered(self) -> int:
        """How many customers have an outcome; one who was on several lists counts once."""
        found = self.has_outcome
        return int(found.sum()) if self.customer is None else len(np.unique(self.customer[found]))

    def error(self, influence: Floats) -> float:
        """Return the standard error of what is a sum of influences of the rows, [n].

        Those of the same customer are added before they are squared: who is on a list each week is the same person, and
        comes to much the same (Liang & Zeger, 1986).
        """
        return clustered_error(influence, self.customer)


def clustered_error(influence: Floats, customer: NDArray[np.intp] | None) -> float:
    """Return the standard error of a sum of influences, of which those of the same customer go together, [n]."""
    if customer is not None:
        _, place = np.unique(customer, return_inverse=True)
        influence = np.bincount(place, weights=influence).astype(np.float64)
    return float(np.sqrt(influence @ influence))


def worth(outcome: Floats, customer: NDArray[np.intp]) -> float:
    """Return what each of some outcomes is worth, beside one of a customer of its own, from 0 to 1.

    Outcomes of the same customer go together; where all are the same, as far as can be.

    Args:
        outcome: 0 or 1, at least one, [n].
        customer: Who each is, [n].
    """
    mean = float(outcome.mean())
    apart = outcome - mean if 0 < mean < 1 else np.ones(len(outcome))
    return min(1.0, float(apart @ apart) / clustered_error(apart, customer) ** 2)
