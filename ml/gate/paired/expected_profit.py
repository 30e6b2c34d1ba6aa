"""What to expect of a model's contacts: the profit of the fixed rule with its interval, and that of each share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.config.economics import Economics
from ml.gate.paired.compare import difference_of
from ml.gate.paired.contributions import PROFIT
from ml.gate.paired.difference import z_of
from ml.gate.paired.profit import CUSTOMERS, Floats, money, profit_of_rows
from serving.expectation.profit import is_contacted

LEVEL = 0.025
"""On each side of the interval: it holds 95 %."""


@dataclass(frozen=True)
class ExpectedProfit:
    """What the rule earns (`ml.gate.paired.profit`).

    Attributes:
        share: Of the customers, that the rule contacts, 0..1.
        profit: For `CUSTOMERS` customers, in the currency.
        low: The lower end of its 95 % interval, clustered by customer profile; NaN where there is none.
        high: The upper end.
    """

    share: float
    profit: float
    low: float
    high: float


def expected_profit(
    labels: NDArray[np.int8], profiles: NDArray[np.uint64], probability: NDArray[np.float32], economics: Economics
) -> ExpectedProfit:
    """Return what the rule earns on labelled rows, at least one.

    Args:
        labels: Shape [n], 1 for a target customer.
        profiles: Shape [n]; rows with equal values are one cluster.
        probability: Shape [n], in [0, 1].
        economics: With value and cost.
    """
    earned = profit_of_rows(labels, probability, economics.cut)
    _, cluster = np.unique(profiles, return_inverse=True)
    _, error = difference_of(PROFIT, earned, labels > 0, cluster)
    profit, width = money(float(earned.mean()), economics), money(z_of(LEVEL) * error, economics)
    share = float(is_contacted(probability, economics.cut).mean())
    return ExpectedProfit(share, profit, profit - width, profit + width)


@dataclass(frozen=True)
class ProfitCurve:
    """The profit of contacting the likeliest share of the customers, for each share.

    Attributes:
        share: Shape [k], from 0 to 1.
        profit: Shape [k], for `CUSTOMERS` customers.
        cut_share: The share that the rule contacts.
    """

    share: Floats
    profit: Floats
    cut_share: float


def profit_curve(
    labels: NDArray[np.int8], probability: NDArray[np.float32], economics: Economics, *, points: int = 101
) -> ProfitCurve:
    """Return the curve over at least one row; customers with equal probabilities share their places."""
    order = np.argsort(-probability, kind="stable")
    last = np.flatnonzero(np.append(np.diff(probability[order]) != 0, True)) + 1
    hits = np.cumsum(labels[order] > 0, dtype=np.float64)[last - 1]
    contacts, found = np.append(0.0, last.astype(np.float64)), np.append(0.0, hits)
    n = len(labels)
    share = np.linspace(0, 1, points)
    earned = economics.value * np.interp(share * n, contacts, found) - economics.cost * share * n
    return ProfitCurve(share, earned / n * CUSTOMERS, float(is_contacted(probability, economics.cut).mean()))
