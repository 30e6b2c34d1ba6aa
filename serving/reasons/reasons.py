"""What speaks for and against a customer: the largest of her Shapley values, and nothing that is too small to tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.reasons.background import Background
from serving.reasons.explain import Explanation

MOST = 3
"""So many reasons for and against a customer, at most."""
LEAST_SHARE = 0.1
"""A reason has at least this share of all that moves the score, up or down: the sum of the absolute values."""


@dataclass(frozen=True)
class Reason:
    """One feature of a customer.

    Attributes:
        feature: Its name.
        value: Its Shapley value, as a difference of a probability: above 0 it speaks for the customer.
    """

    feature: str
    value: float


@dataclass(frozen=True)
class Reasons:
    """The reasons of one customer, the strongest first; at most `MOST` each.

    Attributes:
        speak_for: Those that raise the score above that of the background.
        against: Those that lower it.
    """

    speak_for: tuple[Reason, ...]
    against: tuple[Reason, ...]


def reasons_of(explanation: Explanation, background: Background) -> list[Reasons]:
    """Return the reasons of each customer of an explanation with this background.

    A value counts when it has `LEAST_SHARE` of all, and is above the mean error of the background. Of equally strong
    ones that comes first whose feature does.
    """
    least = background.error.mean or 0.0
    return [_of_one(explanation.features, values.tolist(), least) for values in explanation.values]


def _of_one(features: Sequence[str], values: Sequence[float], least: float) -> Reasons:
    smallest = max(LEAST_SHARE * float(np.abs(values).sum()), least)
    order = sorted(range(len(values)), key=lambda i: -abs(values[i]))
    told = [Reason(features[i], values[i]) for i in order if abs(values[i]) >= smallest and values[i] != 0]
    return Reasons(
        tuple(reason for reason in told if reason.value > 0)[:MOST],
        tuple(reason for reason in told if reason.value < 0)[:MOST],
    )
