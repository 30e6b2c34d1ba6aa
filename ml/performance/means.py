"""The mean of something over all customers of a list, from those who were asked.

Hajek's estimator weighs each outcome by 1 / propensity, and divides by the sum of the weights (Hajek, 1971). AIPW adds
to the mean of what the model expects what the asked ones differ from that (Robins, Rotnitzky & Zhao, 1994); it is right
when the propensities are, however wrong the expectation, and more exact the better the expectation is. Standard errors
are those of their influence functions, for customers who are a sample of those to come; one who was on several lists
is one customer.
"""

from __future__ import annotations

import numpy as np

from ml.performance.asked import Asked, Floats
from ml.performance.estimate import Estimate

FEWEST = 20
"""With fewer outcomes there is no number: the normal distribution would promise too much."""


def hajek_mean(asked: Asked, value: Floats) -> Estimate:
    """Return the mean of `value`, which is used where there is an outcome, over all customers with a chance.

    Args:
        asked: The customers.
        value: Shape [n]; NaN where there is no outcome.
    """
    found, weight = asked.has_outcome, asked.weight
    rows = asked.answered
    if rows < FEWEST:
        return Estimate.unknown(rows)
    total = weight.sum()
    mean = float(weight[found] @ value[found] / total)
    influence = np.zeros(len(asked))
    influence[found] = weight[found] * (value[found] - mean) / total
    return Estimate.normal(mean, asked.error(influence), rows)


def aipw_mean(asked: Asked, value: Floats, expected: Floats) -> Estimate:
    """Return the same mean by AIPW.

    Args:
        asked: The customers, each of whom had a chance.
        value: Shape [n]; NaN where there is no outcome.
        expected: What the model expects of `value`, shape [n], for all customers.

    Raises:
        ValueError: A customer had no chance to be asked.
    """
    if not asked.covers_all:
        raise ValueError("a customer had no chance to be asked; estimate the mean of the others")
    found = asked.has_outcome
    rows = asked.answered
    if rows < FEWEST:
        return Estimate.unknown(rows)
    pseudo = expected.astype(np.float64)
    pseudo[found] += asked.weight[found] * (value[found] - expected[found])
    mean, customers = float(pseudo.mean()), len(pseudo)
    error = asked.error((pseudo - mean) / customers) * (customers / (customers - 1)) ** 0.5
    return Estimate.normal(mean, error, rows)
