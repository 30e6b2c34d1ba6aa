"""A number that is not known exactly, with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

LEVEL = 0.95


def two_sided(level: float) -> float:
    """Return how many standard errors an interval of this confidence goes to each side, e.g. 1.96 for 0.95."""
    return NormalDist().inv_cdf((1 + level) / 2)


def expit(log_odds: float) -> float:
    """Return the probability that has these log-odds; of very large ones without an overflow."""
    return 1 / (1 + math.exp(-log_odds)) if log_odds > 0 else 1 - 1 / (1 + math.exp(log_odds))


@dataclass(frozen=True)
class Estimate:
    """An estimate.

    Attributes:
        value: The number; NaN when nothing is known.
        low: The lower end of its interval.
        high: The upper end.
        rows: How many customers with an outcome it is made from.
    """

    value: float
    low: float
    high: float
    rows: int

    @classmethod
    def unknown(cls, rows: int) -> Estimate:
        """Return what so many rows say when they say nothing."""
        return cls(math.nan, math.nan, math.nan, rows)

    @classmethod
    def normal(cls, value: float, standard_error: float, rows: int, *, level: float = LEVEL) -> Estimate:
        """Return an estimate whose error has a normal distribution."""
        half = two_sided(level) * standard_error
        return cls(value, value - half, value + half, rows)

    @classmethod
    def of_share(cls, value: float, standard_error: float, rows: int, *, level: float = LEVEL) -> Estimate:
        """Return an estimate of a number from 0 to 1 whose log-odds have a normal distribution (the delta method).

        A value at either end, or beyond, has no log-odds: its interval is the normal one as far as it is possible.
        """
        if not 0 < value < 1:
            return cls.normal(value, standard_error, rows, level=level).within(0.0, 1.0)
        half = two_sided(level) * standard_error / (value * (1 - value))
        odds = math.log(value / (1 - value))
        return cls(value, expit(odds - half), expit(odds + half), rows)

    @property
    def is_known(self) -> bool:
        """Whether there is a number."""
        return self.value == self.value

    def within(self, low: float, high: float) -> Estimate:
        """Return the same estimate of a quantity that lies between two numbers."""
        value, lower, upper = (min(max(end, low), high) for end in (self.value, self.low, self.high))
        return Estimate(value, lower, upper, self.rows)

    def scaled(self, factor: float, offset: float = 0.0) -> Estimate:
        """Return the estimate of `factor` (at least 0) times the quantity and `offset`."""
        value, lower, upper = (factor * end + offset for end in (self.value, self.low, self.high))
        return Estimate(value, lower, upper, self.rows)


def share(successes: int, rows: int, *, level: float = LEVEL) -> Estimate:
    """Return the share of successes among independent rows, with the interval of Wilson (1927)."""
    return share_of(successes / rows, rows, rows, level=level) if rows else Estimate.unknown(0)


def share_of(observed: float, rows: float, customers: int, *, level: float = LEVEL) -> Estimate:
    """Return an observed share as it would be known from so many independent rows, of so many customers.

    Of rows that go together it takes more than of independent ones: `rows` is what they are worth (Kish, 1965).
    """
    z2 = two_sided(level) ** 2
    middle = (observed + z2 / (2 * rows)) / (1 + z2 / rows)
    half = math.sqrt(z2 * (observed * (1 - observed) / rows + z2 / (4 * rows**2))) / (1 + z2 / rows)
    return Estimate(observed, min(observed, middle - half), max(observed, middle + half), customers)
