"""What each row contributes to a metric of a model: placement values for AUC, a loss or a hit for the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.gate.paired.profit import profit_of_rows

Floats = NDArray[np.float64]

AUC, LOG_LOSS, ACCURACY, BRIER, PROFIT = "AUC", "LogLoss", "BinaryAccuracy", "BrierScore", "Profit"
METRICS = (AUC, LOG_LOSS, ACCURACY, BRIER)
SIGN = {AUC: 1.0, LOG_LOSS: -1.0, ACCURACY: 1.0, BRIER: -1.0, PROFIT: 1.0}
"""+1 where more is better, -1 for a loss."""
CLIPPED_AT = 1e-7
"""Probabilities are kept so far from 0 and 1 in the log loss, as Keras does: a certain mistake costs 16.1."""


def contributions(
    metric: str,
    labels: NDArray[np.int8],
    probability: NDArray[np.float32],
    threshold: float,
    cut: float | None = None,
) -> Floats:
    """Return what each row contributes to `metric`, float64 [n]; for AUC all NaN when a class is missing.

    The metric is their mean over all rows; for AUC it is their mean over the positives, and over the negatives too.

    Args:
        metric: One of `METRICS`, or `PROFIT`.
        labels: Shape [n], 0 or 1.
        probability: Shape [n], in [0, 1].
        threshold: A row is predicted positive when its probability is above it (`BinaryAccuracy`).
        cut: A customer is contacted when the probability is above it (`Profit`); None where profit is not judged.
    """
    positive = labels > 0
    if metric == AUC:
        return placement_values(positive, probability)
    if metric == ACCURACY:
        return np.asarray(positive == (probability > threshold), dtype=np.float64)
    p: Floats = probability.astype(np.float64)
    if metric == BRIER:
        return np.asarray((p - positive) ** 2, dtype=np.float64)
    if metric == LOG_LOSS:
        p = np.clip(p, CLIPPED_AT, 1 - CLIPPED_AT)
        return np.asarray(-np.where(positive, np.log(p), np.log1p(-p)), dtype=np.float64)
    if metric == PROFIT and cut is not None:
        return profit_of_rows(labels, probability, cut)
    raise ValueError(f"unknown metric {metric!r}; known: {', '.join(METRICS)}")


def placement_values(positive: NDArray[np.bool_], score: NDArray[np.float32]) -> Floats:
    """Return DeLong's placement value of each row: the share of the other class that it is on the right side of.

    By midranks, in O(n log n) (Sun & Xu, "Fast Implementation of DeLong's Algorithm", IEEE Signal Processing Letters
    21(11), 2014): the rank among all rows less the rank within the own class counts the other class below, ties half.
    """
    m, n = int(np.count_nonzero(positive)), int(np.count_nonzero(~positive))
    values = np.full(len(score), np.nan)
    if m and n:
        overall = _midranks(score)
        values[positive] = (overall[positive] - _midranks(score[positive])) / n
        values[~positive] = 1 - (overall[~positive] - _midranks(score[~positive])) / m
    return values


def _midranks(score: NDArray[np.float32]) -> Floats:
    """Return the ranks 1..n, equal scores sharing the mean of theirs."""
    _, group, counts = np.unique(score, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[group], dtype=np.float64)
