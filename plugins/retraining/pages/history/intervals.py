"""Intervals of a single value, from what the ledger keeps of a model: 95 %, rows taken as independent.

They say how far the value could lie from that on all customers. Whether two models differ is a question for the gate's
paired test, whose interval is narrower.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Z = 1.959964
"""The 97.5 % quantile of the normal distribution."""


@dataclass(frozen=True)
class Measure:
    """A metric of a model on evaluation rows, 0..1; the interval is None where its numbers do not give one."""

    value: float
    low: float | None = None
    high: float | None = None


def accuracy(metrics: Mapping[str, Any]) -> Measure | None:
    """Return the accuracy with Wilson's score interval (Wilson 1927), which stays within 0..1."""
    value, rows = _number(metrics, "BinaryAccuracy"), _number(metrics, "ExampleCount")
    if value is None or not 0 <= value <= 1:
        return None
    if rows is None or rows < 1:
        return Measure(value)
    share = Z * Z / rows
    middle = (value + share / 2) / (1 + share)
    half = Z / (1 + share) * math.sqrt(value * (1 - value) / rows + share / (4 * rows))
    return Measure(value, middle - half, middle + half)


def auc(metrics: Mapping[str, Any]) -> Measure | None:
    """Return the AUC with the interval of Hanley and McNeil (Radiology 143, 1982), cut at 0 and 1."""
    value, rows, targets = _number(metrics, "AUC"), _number(metrics, "ExampleCount"), _targets(metrics)
    if value is None or not 0 <= value <= 1:
        return None
    if rows is None or targets is None or not 0 < targets < rows:
        return Measure(value)
    q1, q2, others = value / (2 - value), 2 * value * value / (1 + value), rows - targets
    spread = value * (1 - value) + (targets - 1) * (q1 - value * value) + (others - 1) * (q2 - value * value)
    half = Z * math.sqrt(max(0.0, spread) / (targets * others))
    return Measure(value, max(0.0, value - half), min(1.0, value + half))


def _targets(metrics: Mapping[str, Any]) -> float | None:
    """Return the number of target customers among the rows, which follows from the four metrics.

    Wrong answers are those targets that were missed, and those that were found without being targets:
    n (1 - accuracy) = t (1 - recall) + t recall (1 / precision - 1).
    """
    names = ("ExampleCount", "BinaryAccuracy", "Precision", "Recall")
    rows, right, precision, recall = (_number(metrics, name) for name in names)
    if rows is None or right is None or not precision or recall is None:
        return None
    wrong_per_target = 1 - recall + recall * (1 / precision - 1)
    return round(rows * (1 - right) / wrong_per_target) if wrong_per_target > 0 else None


def _number(metrics: Mapping[str, Any], name: str) -> float | None:
    value = metrics.get(name)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
