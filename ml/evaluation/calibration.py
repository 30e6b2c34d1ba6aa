"""Platt's calibration of a model, fitted on the evaluation rows, with the uncertainty of its two coefficients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from serving.expectation.calibration import Calibration, logit

_STEPS = 50
_RIDGE = 1e-3
"""Of the penalty that keeps the coefficients finite where the classes can be told apart without an error."""


def fit_calibration(
    labels: NDArray[np.int8], probability: NDArray[np.float32], profiles: NDArray[np.uint64]
) -> Calibration:
    """Fit the line by maximum likelihood (Newton's method).

    The covariance is the sandwich of Huber and White, clustered by profile: customers with equal features share their
    probability and are more alike than others.

    Args:
        labels: Shape [n], 0 or 1.
        probability: Shape [n], in [0, 1].
        profiles: Shape [n], a hash that is equal for equal features.
    """
    x = np.stack([np.ones(len(labels)), logit(probability)], axis=1)
    y = (labels > 0).astype(np.float64)
    start = np.array([0.0, 1.0])
    beta = start.copy()
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -700, 700)))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + _RIDGE * np.eye(2)
        change = np.linalg.solve(hessian, x.T @ (y - p) - _RIDGE * (beta - start))
        beta += np.clip(change, -2, 2)
        if np.abs(change).max() < 1e-10:
            break
    p = 1 / (1 + np.exp(-np.clip(x @ beta, -700, 700)))
    bread = np.linalg.inv((x * (p * (1 - p))[:, None]).T @ x + _RIDGE * np.eye(2))
    _, cluster = np.unique(profiles, return_inverse=True)
    scores = np.zeros((int(cluster.max()) + 1, 2))
    np.add.at(scores, cluster, x * (y - p)[:, None])
    meat = scores.T @ scores
    covariance = bread @ meat @ bread
    (a, b), (c, d) = covariance.tolist()
    return Calibration(float(beta[0]), float(beta[1]), ((a, b), (c, d)), len(labels))
