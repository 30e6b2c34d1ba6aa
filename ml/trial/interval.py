"""The interval of a mean difference over cross-validation, corrected for training sets that overlap."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma, pi, sqrt, tan

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
MOST_REPEATS = 1000
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(100)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Interval:
    """A mean difference over `splits`, and the two-sided interval of the true one."""

    mean: float
    low: float
    high: float
    deviation: float
    folds: int
    splits: int

    @property
    def half_width(self) -> float:
        """The smallest difference that could have been told from none."""
        return (self.high - self.low) / 2

    def repeats_needed(self) -> int | None:
        """Return with how many repeats this mean and this deviation would exclude 0; None if with no number."""
        low, high = 0, MOST_REPEATS + 1  # the half width falls with the repeats
        while high - low > 1:
            middle = (low + high) // 2
            suffices = _half_width(self.deviation, middle * self.folds, self.folds) < abs(self.mean)
            low, high = (low, middle) if suffices else (middle, high)
        return high if high <= MOST_REPEATS else None


def interval(differences: NDArray[np.float64], *, folds: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of the corrected resampled t-test.

    The variance of the mean over J splits is taken as (1/J + n_test/n_train) times that of the differences, since the
    training sets share most of their rows: Nadeau and Bengio, "Inference for the generalization error", Machine
    Learning 52 (2003); for repeated cross-validation, Bouckaert and Frank (2004).

    Args:
        differences: One for each split, at least two. Shape [J], J = folds x repeats.
        folds: Of which one is tested in each split: n_test/n_train = 1/(folds - 1).
        confidence: The share of such intervals that hold the true difference.
    """
    mean, deviation = float(differences.mean()), float(differences.std(ddof=1))
    half = _half_width(deviation, len(differences), folds, confidence)
    return Interval(mean, mean - half, mean + half, deviation, folds, len(differences))


def _half_width(deviation: float, splits: int, folds: int, confidence: float = CONFIDENCE) -> float:
    return t_quantile(confidence, splits - 1) * deviation * sqrt(1 / splits + 1 / (folds - 1))


def t_quantile(confidence: float, freedom: int) -> float:
    """Return the t that a variable of Student's distribution exceeds neither way with this probability.

    With t = sqrt(f) tan(a) the density becomes proportional to cos(a) ** (f - 1), which Gauss-Legendre sums exactly
    enough; the angle is found by bisection.
    """
    scale = exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(pi)

    def inside(angle: float) -> float:
        return float(2 * scale * angle / 2 * (_WEIGHTS * np.cos((_NODES + 1) * angle / 2) ** (freedom - 1)).sum())

    low, high = 0.0, pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(middle) < confidence else (low, middle)
    return sqrt(freedom) * tan(low)
