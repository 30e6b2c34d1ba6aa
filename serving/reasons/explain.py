"""The Shapley values of customers against the background of a version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.reasons.background import Background
from serving.reasons.columns import Instance, columns_of
from serving.reasons.mixed_rows import Predict
from serving.reasons.shapley import pair_values

CUSTOMERS_AT_ONCE = 1000
"""So many customers are explained at a time; what it takes in memory is bounded by that."""


@dataclass(frozen=True)
class Explanation:
    """Why n customers have their scores: `values.sum(axis=1)` is `prediction - base`, to rounding.

    Attributes:
        features: The names of the F features.
        values: The Shapley values, float64 [n, F], as differences of a probability.
        prediction: The scores, float64 [n].
        base: The weighted mean score of the background.
        mixed: How many rows all coalitions of all customers have.
        asked: How many of them were scored, since equal rows have equal scores.
    """

    features: tuple[str, ...]
    values: NDArray[np.float64]
    prediction: NDArray[np.float64]
    base: float
    mixed: int
    asked: int


def explain(customers: Sequence[Instance], background: Background, predict: Predict) -> Explanation:
    """Return the Shapley values of at least one customer.

    Args:
        customers: Rows with the background's features.
        background: Of the version that answers.
        predict: Asks that version for the scores of rows.

    Raises:
        KeyError: A customer lacks a feature.
        ValueError: There is no customer, a number is none, or an answer is not one finite score for each row.
    """
    rows, weight, features = background.columns, background.weight, background.features
    parts = [
        pair_values(
            columns_of(customers[start : start + CUSTOMERS_AT_ONCE], features, background.numbers), rows, predict
        )
        for start in range(0, max(1, len(customers)), CUSTOMERS_AT_ONCE)
    ]
    return Explanation(
        tuple(features),
        np.concatenate([np.einsum("nmf,m->nf", part.values, weight) for part in parts]),
        np.concatenate([part.prediction for part in parts]),
        float(weight @ parts[0].base),
        sum(part.mixed for part in parts),
        sum(part.asked for part in parts),
    )
