"""What contacting the best customers of a list costs and brings: the rule, and the curve for every place of a cut.

The rule is *contact when probability x value exceeds the cost*, best first, within the budget. With calibrated
probabilities p_1 >= p_2 >= ... of a list, value v and cost c, the first k contacts

    reach       D_k = p_1 + ... + p_k      targets
    cost        k c
    bring back  v D_k
    and earn    v D_k - k c

so that the k of the rule, the largest with v p_k > c, earns most. For one list the interval of D_k is that of
`Calibration.expect`. For the curve it is its normal approximation at every k: half of it is

    1.96 sqrt(S_k + (S_k, T_k) V (S_k, T_k)'),  S_k = sum of p_i (1 - p_i),  T_k = sum of p_i (1 - p_i) x_i

where x_i are the log-odds of the network's probability and V is the covariance of the calibration (the delta method).
Value and cost are taken as certain, so the intervals in money are those of D_k, times the value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.expectation.calibration import NORMAL_95, Calibration, Expectation, Floats, logit
from serving.expectation.economics import Economics


def is_contacted(probability: NDArray[Any], cut: float) -> NDArray[np.bool_]:
    """Return whether the rule contacts each customer, shape of `probability`; the budget does not count here.

    Args:
        probability: Of being a target, in [0, 1].
        cut: The cost of a contact over the value of a reached target (`Economics.cut`).
    """
    return np.asarray(probability.astype(np.float64) > cut)


def contacts_that_pay(calibrated: NDArray[Any], economics: Economics) -> int:
    """Return how many customers the rule contacts, within the budget.

    Args:
        calibrated: Their calibrated probabilities, shape [n], best first.
        economics: With value and cost.
    """
    pays = is_contacted(calibrated, economics.cut)
    count = len(pays) if pays.all() else int(np.argmin(pays))
    return count if economics.affordable is None else min(count, economics.affordable)


@dataclass(frozen=True)
class ListProfit:
    """What to expect of contacting a list, in the currency.

    Attributes:
        contacts: How many customers are contacted.
        cost: What that costs.
        back: What the targets among them are worth; `back_low` and `back_high` are the ends of its interval.
        profit: What is left of it after the cost; `profit_low` and `profit_high` are the ends of its interval.
    """

    contacts: int
    cost: float
    back: float
    back_low: float
    back_high: float

    @property
    def profit(self) -> float:
        """See the class."""
        return self.back - self.cost

    @property
    def profit_low(self) -> float:
        """See the class."""
        return self.back_low - self.cost

    @property
    def profit_high(self) -> float:
        """See the class."""
        return self.back_high - self.cost


def list_profit(expected: Expectation | None, contacts: int, economics: Economics) -> ListProfit:
    """Return what to expect of contacting a list.

    Args:
        expected: What share of it are targets (`Calibration.expect`); None for an empty list.
        contacts: How many customers are in it.
        economics: With value and cost.
    """
    share, low, high = (expected.share, expected.low, expected.high) if expected else (0.0, 0.0, 0.0)
    worth = contacts * economics.value
    return ListProfit(contacts, contacts * economics.cost, share * worth, low * worth, high * worth)


@dataclass(frozen=True)
class ProfitCurve:
    """What to expect of contacting the first k customers of a list, for every k; each array is float64 [n + 1].

    Attributes:
        found: The expected number of targets among them, from 0.
        found_low: The lower end of its 95 % interval.
        found_high: The upper one.
        profit: The expected profit, in the currency.
        profit_low: The lower end of its interval.
        profit_high: The upper one.
    """

    found: Floats
    found_low: Floats
    found_high: Floats
    profit: Floats
    profit_low: Floats
    profit_high: Floats


def profit_curve(calibration: Calibration, probability: NDArray[Any], economics: Economics | None) -> ProfitCurve:
    """Return the curve of a list.

    Args:
        calibration: That of the version.
        probability: What the network says of each customer, shape [n], best first.
        economics: With value and cost; None where nothing is said in money: the profits are NaN.
    """
    score, calibrated = logit(probability), calibration.apply(probability)
    k = np.arange(len(score) + 1, dtype=np.float64)
    found, spread, tilt = (
        np.append(0.0, np.cumsum(part))
        for part in (calibrated, calibrated * (1 - calibrated), calibrated * (1 - calibrated) * score)
    )
    (a, b), (_, d) = calibration.covariance
    variance = spread + np.maximum(0.0, a * spread**2 + 2 * b * spread * tilt + d * tilt**2)
    half = NORMAL_95 * np.sqrt(variance)
    low, high = np.maximum(0.0, found - half), np.minimum(k, found + half)
    value, cost = (economics.value, economics.cost) if economics else (np.nan, np.nan)
    return ProfitCurve(found, low, high, *(value * each - cost * k for each in (found, low, high)))
