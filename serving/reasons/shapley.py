"""Shapley values of a score's features, exact, from the scores of mixed rows.

The value of feature i (Shapley, "A Value for n-Person Games", 1953) is

    sum over all coalitions S without i of  |S|! (F - |S| - 1)! / F! * (v(S and i) - v(S))

where v(S) is the mean score of rows that take the features in S from the customer and the others from the rows of a
weighted background: the interventional value function (Janzing et al., "Feature relevance quantification in
explainable AI", 2020). The values are linear in v, so those against a background are the weighted mean of those against
each of its rows. There, a feature in which customer and row agree adds nothing to any coalition: its value is 0, the
others play the same game without it, and of 2^F mixed rows only 2^d differ, where d is the number of features in which
the two differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import factorial

import numpy as np
from numpy.typing import NDArray

from serving.reasons.mixed_rows import Columns, Predict, Rows, mixed_rows

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PairValues:
    """The Shapley values of n customers against each of m background rows.

    Attributes:
        values: Float64 [n, m, F], in the order of the features.
        prediction: The score of each customer, float64 [n].
        base: The score of each background row, float64 [m].
        mixed: How many rows all coalitions have: n * m * 2^F.
        asked: How many of them were scored.
    """

    values: Floats
    prediction: Floats
    base: Floats
    mixed: int
    asked: int


def pair_values(customers: Columns, background: Columns, predict: Predict) -> PairValues:
    """Return the values of every customer against every background row.

    Args:
        customers: The features of n >= 1 customers by name, each of shape [n]: text (object, "" where missing) or
            numbers (NaN where missing).
        background: The same of m >= 1 rows.
        predict: Returns the scores, shape [k], of rows in the form of `customers`, k >= 1 of them.

    Raises:
        ValueError: The two have other features, no row, or `predict` does not give a finite score for each row.
    """
    rows = Rows.of(customers, background)
    names = [*customers]
    n, m, features = len(rows.customers), len(rows.background), len(names)
    values = np.zeros((n, m, features))
    prediction, base, asked = np.zeros(n), np.zeros(m), 0
    for block in mixed_rows(rows):
        score = _scores(predict, block.columns(rows, names), len(block.codes))
        asked += len(score)
        for group in block.groups:
            game = score[group.places]
            prediction[group.customer], base[group.row] = game[:, -1], game[:, 0]
            if group.players:
                weights = coalition_weights(len(group.players))
                values[group.customer[:, None], group.row[:, None], np.array(group.players)[None, :]] = game @ weights
    return PairValues(values, prediction, base, n * m * 2**features, asked)


@cache
def coalition_weights(players: int) -> Floats:
    """Return the matrix, shape [2^players, players], that turns the values of all coalitions into Shapley values.

    Coalition number c holds player i when bit i of c is set.
    """
    coalitions = np.arange(2**players)
    holds = (coalitions[:, None] >> np.arange(players)) & 1
    size = holds.sum(axis=1)
    shapley = np.array([factorial(s) * factorial(players - s - 1) for s in range(players)]) / factorial(players)
    with_it = shapley[np.maximum(size - 1, 0)][:, None]
    without = shapley[np.minimum(size, players - 1)][:, None]
    return np.asarray(np.where(holds == 1, with_it, -without))


def _scores(predict: Predict, columns: Columns, rows: int) -> Floats:
    score = np.asarray(predict(columns), dtype=np.float64).reshape(-1)
    if len(score) != rows or not np.isfinite(score).all():
        raise ValueError(f"{len(score)} scores for {rows} rows, or some that are not finite")
    return score
