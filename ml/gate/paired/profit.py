"""What a model earns on labelled rows by a fixed rule: contact a customer when probability x value exceeds the cost.

The gate counts it in values of a reached target customer, for each customer: value and cost then come down to the cut,
their ratio, and the numbers are of the size of the other metrics. `CUSTOMERS` times the value makes money of it.

The rule is fixed before the rows are seen. The best cut of a curve is a lucky one: its profit on the rows that chose it
is too high.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.config.economics import Economics
from serving.expectation.profit import is_contacted

Floats = NDArray[np.float64]
CUSTOMERS = 1000
"""Profit is told for so many customers, contacted or not."""


def profit_of_rows(labels: NDArray[np.int8], probability: NDArray[np.float32], cut: float) -> Floats:
    """Return what each customer earns, float64 [n], in values of a target: 0 for one who is not contacted.

    Args:
        labels: Shape [n], 1 for a target customer.
        probability: Shape [n], in [0, 1].
        cut: The cost of a contact over the value of a reached target (`Economics.cut`).
    """
    return np.asarray(np.where(is_contacted(probability, cut), (labels > 0) - cut, 0.0), dtype=np.float64)


def money(profit: float, economics: Economics) -> float:
    """Return the money for `CUSTOMERS` customers from a profit in values of a target for each."""
    return profit * economics.value * CUSTOMERS
