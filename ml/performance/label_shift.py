"""The share of targets among customers of whom no outcome is known yet.

If only the share has changed since a model was calibrated, and each group looks as it did, the new share is the one at
which the re-weighted probabilities agree with themselves: the fixed point of the EM algorithm of Saerens, Latinne &
Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities" (2002). It is the maximum of a
concave likelihood, which is found here by halving; its standard error comes from the observed information.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ml.performance.asked import Floats
from ml.performance.estimate import Estimate
from serving.expectation.calibration import Calibration

_HALVINGS = 60
_CERTAIN = 1e-6
"""Probabilities are kept so far from 0 and 1: one that is certain and wrong would decide alone."""


def shifted_share(expected: Floats, *, before: float) -> Estimate:
    """Return the share of targets among customers, from their calibrated probabilities.

    `rows` of the estimate are all these customers: it needs no outcome.

    Args:
        expected: Calibrated for data with the share `before`, float64 [n].
        before: That share, between 0 and 1.

    Raises:
        ValueError: `before` is 0 or 1, or outside.
    """
    if not 0 < before < 1:
        raise ValueError(f"a share of targets of {before}, not between 0 and 1")
    rows = len(expected)
    if not rows:
        return Estimate.unknown(0)
    inside = np.clip(expected.astype(np.float64), _CERTAIN, 1 - _CERTAIN)
    as_target, as_other = inside / before, (1 - inside) / (1 - before)
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _slope(as_target, as_other, middle) > 0 else (low, middle)
    share = (low + high) / 2
    information = float(np.square((as_target - as_other) / _density(as_target, as_other, share)).sum())
    if not information > 0:  # every probability is `before`: they say nothing
        return Estimate(before, 0.0, 1.0, rows)
    return Estimate.normal(share, information**-0.5, rows).within(0.0, 1.0)


def _density(as_target: Floats, as_other: Floats, share: float) -> Floats:
    return np.asarray(share * as_target + (1 - share) * as_other)


def _slope(as_target: Floats, as_other: Floats, share: float) -> float:
    """The derivative of the log-likelihood; EM stands still where it is 0."""
    return float(((as_target - as_other) / _density(as_target, as_other, share)).sum())


def deviations(
    probability: Floats, calibration: Calibration, before: float, covariance: Floats
) -> Iterator[tuple[float, float]]:
    """Yield how far the found share, and how far that before, is off by one deviation of what the calibration rests on.

    Calibration and share come from rows that are a sample, too. Along each of three independent axes one deviation is
    gone to either side; the squares of what is yielded, of one of the two or of their difference, add up to a variance.

    Args:
        probability: What the model said, before calibration, [n].
        calibration: The line.
        before: The share of the rows on which it was fitted.
        covariance: Of intercept, slope and that share, [3, 3].
    """
    variances, axes = np.linalg.eigh(covariance)
    for step in (np.sqrt(np.maximum(variances, 0.0)) * axes).T:
        (one, share), (other, other_share) = (_moved(probability, calibration, before, sign * step) for sign in (1, -1))
        yield (one - other) / 2, (share - other_share) / 2


def _moved(probability: Floats, line: Calibration, before: float, step: Floats) -> tuple[float, float]:
    intercept, slope, off = step.tolist()
    moved = replace(line, intercept=line.intercept + intercept, slope=line.slope + slope)
    share = min(max(before + off, _CERTAIN), 1 - _CERTAIN)
    return shifted_share(moved.apply(probability), before=share).value, share
