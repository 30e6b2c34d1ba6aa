"""Whom to target: how many of the customers with the highest probabilities are target customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHARES = (0.1, 0.2, 0.3)
REPEATS, LEAST_REPEATS = 1000, 200
"""Draws of the bootstrap, and those of very many profiles, whose intervals are narrow anyway."""
DRAWN_PROFILES = 20_000_000
"""So many profiles are drawn in all draws together, unless that were too few draws."""


@dataclass(frozen=True)
class Top:
    """The customers at the top of the list; intervals are 95 % ones.

    Attributes:
        share: Of all customers, 0..1.
        rows: How many evaluation rows that was.
        precision: The share of target customers among them.
        precision_interval: Its lower and upper end.
        lift: How many times the share among all customers that is.
        lift_interval: Its lower and upper end.
    """

    share: float
    rows: int
    precision: float
    precision_interval: tuple[float, float]
    lift: float
    lift_interval: tuple[float, float]


def tops(labels: NDArray[np.int8], score: NDArray[np.float32], profiles: NDArray[np.uint64]) -> list[Top]:
    """Return the tops of `SHARES`; none where no row is a target customer.

    The intervals are percentiles of a bootstrap that draws profiles (Efron & Tibshirani, "An Introduction to the
    Bootstrap", 1993, chapter 13) with a fixed seed; the list is cut anew in every draw. Customers with equal scores
    share their places.

    Args:
        labels: Shape [n], 0 or 1.
        score: Shape [n], probabilities.
        profiles: Shape [n]; equal ones are drawn together.
    """
    if not len(labels) or not labels.any():
        return []
    # A profile has one score: a draw needs only how many rows and target customers each one brings.
    _, first, of = np.unique(profiles, return_index=True, return_inverse=True)
    order = np.argsort(-score[first], kind="stable")
    rows, hits = np.bincount(of)[order], np.bincount(of, weights=labels)[order]
    ties = np.unique(-score[first][order], return_index=True)[1]
    random = np.random.default_rng(0)
    chances, repeats = np.full(len(first), 1 / len(first)), max(LEAST_REPEATS, DRAWN_PROFILES // len(first))
    draws = (random.multinomial(len(first), chances) for _ in range(min(REPEATS, repeats)))  # one in memory at a time
    drawn = [_of_draw(rows * draw, hits * draw, ties) for draw in draws if (hits * draw).any()]
    found = _of_draw(rows, hits, ties)
    low, high = np.percentile(np.array(drawn), [2.5, 97.5], axis=0)
    return [
        Top(
            share,
            round(share * len(labels)),
            float(found[0][k]),
            (float(low[0, k]), float(high[0, k])),
            float(found[1][k]),
            (float(low[1, k]), float(high[1, k])),
        )
        for k, share in enumerate(SHARES)
    ]


def _of_draw(rows: NDArray[Any], hits: NDArray[Any], ties: NDArray[np.intp]) -> tuple[list[float], list[float]]:
    """Return the precisions and the lifts of `SHARES`, of rows and hits from the best profile to the worst."""
    seen = np.concatenate([[0], np.cumsum(np.add.reduceat(rows, ties))])
    got = np.concatenate([[0], np.cumsum(np.add.reduceat(hits, ties))])
    wanted = np.array(SHARES) * seen[-1]
    precision = np.interp(wanted, seen, got) / wanted
    return precision.tolist(), (precision / (got[-1] / seen[-1])).tolist()
