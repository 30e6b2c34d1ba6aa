"""Customers with three features, a background, and scores that a test chooses."""

from __future__ import annotations

from itertools import permutations
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.reasons.background import Background, BackgroundError
from serving.reasons.columns import columns_of
from serving.reasons.mixed_rows import Columns

FEATURES, NUMBERS = ("Age", "Profession", "Family_Size"), ("Age", "Family_Size")
NAN = float("nan")
CUSTOMERS: list[dict[str, Any]] = [
    {"Age": 22.0, "Profession": "Healthcare", "Family_Size": 4.0},
    {"Age": 61.5, "Profession": "", "Family_Size": NAN},
    {"Age": NAN, "Profession": "Artist", "Family_Size": 2.0},
    {"Age": 40.0, "Profession": "Doctor", "Family_Size": 4.0},
]
ROWS: list[dict[str, Any]] = [
    {"Age": 40.0, "Profession": "Artist", "Family_Size": 2.0},
    {"Age": 22.0, "Profession": "", "Family_Size": None},
    {"Age": None, "Profession": "Doctor", "Family_Size": 1.0},
]
WEIGHTS = (0.5, 0.3, 0.2)


def columns(rows: Any) -> Columns:
    return columns_of(rows, FEATURES, NUMBERS)


def entangled(given: Columns) -> NDArray[np.float64]:
    """A score in which every feature changes what the others do; a missing value counts, too."""
    age = np.nan_to_num(given["Age"] / 100, nan=0.7)
    family = np.nan_to_num(given["Family_Size"] / 10, nan=0.05)
    job = np.array([{"": 0.2, "Artist": 0.9}.get(text, len(text) / 20) for text in given["Profession"]])
    return np.asarray(0.1 + 0.5 * age * job + 0.3 * job * family * (age > 0.3) + 0.05 * family)


def score_one(row: dict[str, Any]) -> float:
    return float(entangled(columns([row]))[0])


def by_the_definition(customer: dict[str, Any]) -> list[float]:
    """Shapley's own sum over all orders in which the features may come, against the weighted rows."""

    def value(coalition: set[str]) -> float:
        mixed = [{name: (customer if name in coalition else row)[name] for name in FEATURES} for row in ROWS]
        return sum(weight * score_one(row) for weight, row in zip(WEIGHTS, mixed, strict=True))

    found = dict.fromkeys(FEATURES, 0.0)
    for order in permutations(FEATURES):
        before: set[str] = set()
        for name in order:
            found[name] += (value({*before, name}) - value(before)) / factorial(len(FEATURES))
            before.add(name)
    return [found[name] for name in FEATURES]


def background() -> Background:
    scores = tuple(score_one(row) for row in ROWS)
    return Background(tuple(ROWS), NUMBERS, WEIGHTS, scores, BackgroundError(500, 24, 0.001, 0.01, 0.95))
