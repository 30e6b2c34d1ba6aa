"""What a model earns on labelled rows by a fixed rule: contact a customer when probability x value exceeds the cost.

The rule is fixed before the rows are seen. The best cut of a curve is a lucky one: its profit on the rows that chose it
is too high.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.config.economics import Economics

Floats = NDArray[np.float64]
CUSTOMERS = 1000
"""Profit is told for so many customers, contacted or not."""


def is_contacted(probability: NDArray[np.float32], economics: Economics) -> NDArray[np.bool_]:
    """Return whether the rule contacts each customer, shape [n]; the budget does not count here."""
    return np.asarray(probability.astype(np.float64) * economics.value > economics.cost)


def profit_of_rows(labels: NDArray[np.int8], probability: NDArray[np.float32], economics: Economics) -> Floats:
    """Return what each customer earns, float64 [n], in the currency: 0 for one who is not contacted.

    Args:
        labels: Shape [n], 1 for a target customer.
        probability: Shape [n], in [0, 1].
        economics: With value and cost.
    """
    earned = np.where(labels > 0, economics.value, 0.0) - economics.cost
    return np.asarray(np.where(is_contacted(probability, economics), earned, 0.0), dtype=np.float64)
