"""A few weighted rows whose Shapley values reproduce those of many: chosen one by one, then exchanged.

The values of a customer against a weighted background are the weighted mean of those against each of its rows
(`serving.reasons.shapley`), so a background is a mixture that should come close to the plain mean of all. Rows are
added as in the Frank-Wolfe algorithm with exact line search (Jaggi, "Revisiting Frank-Wolfe", 2013), all weights are
fitted anew after each by least squares, and at last each row is exchanged as long as another one serves better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SWEEPS = 3
"""How often all rows are tried for an exchange, at most."""
_TINY = 1e-12


@dataclass(frozen=True)
class Mixture:
    """Rows, by number, and their weights, which are positive and of sum 1."""

    rows: NDArray[np.intp]
    weights: Floats


def select(values: Floats, most: int) -> Mixture:
    """Return at most `most` of the m rows whose mixture is close, in squares, to the mean of all.

    Args:
        values: Shape [k, m]: k numbers for each row; those of a mixture are the weighted mean of its rows'.
        most: At least 1.
    """
    # The norm of a mixture's difference to the mean needs only the products of the rows' own differences.
    off = values - values.mean(axis=1, keepdims=True)
    products = off.T @ off
    chosen: list[int] = []
    weights = np.ones(0)
    while len(chosen) < min(most, len(products)):
        row = _best_addition(products, chosen, weights)
        if row is None:
            break
        chosen = [*chosen, row]
        weights = simplex_weights(products[np.ix_(chosen, chosen)], np.append(weights, 0.0 if len(weights) else 1.0))
    for _ in range(SWEEPS):
        before = _square(products, chosen, weights)
        chosen, weights = _exchanged(products, chosen, weights)
        if _square(products, chosen, weights) >= before - _TINY * max(1.0, before):
            break
    used = weights > 0
    return Mixture(np.array(chosen)[used], weights[used] / weights[used].sum())


def simplex_weights(products: Floats, start: Floats) -> Floats:
    """Return the weights w, shape [k], not negative and of sum 1, that make w' products w smallest.

    The active-set method of Lawson and Hanson ("Solving Least Squares Problems", 1974) with the sum as a constraint.

    Args:
        products: Shape [k, k], positive semidefinite.
        start: Weights from which to begin, not negative and of positive sum; good ones save time.
    """
    size = len(products)
    scale = max(float(np.diag(products).max()), _TINY)
    # Equal rows would make the system singular; this little is far below what the values are known to.
    products = products + 1e-11 * scale * np.eye(size)
    weights: Floats = start / start.sum()
    free = weights > 0
    for _ in range(10 * size):  # each row enters about once, and a few leave again
        while not ((wanted := _on_the_plane(products, free))[free] > 0).all():
            falling = free & (wanted <= 0)
            step = float((weights[falling] / np.maximum(weights[falling] - wanted[falling], _TINY)).min())
            weights = weights + min(step, 1.0) * (wanted - weights)
            free &= weights > _TINY
            weights = np.where(free, weights, 0.0)
        weights = wanted
        slope = products @ weights
        gain = np.where(free, 0.0, float(weights @ slope) - slope)  # what weight that moves to a row would win
        if gain.max() <= 1e-10 * scale:
            break
        free[int(gain.argmax())] = True
    return weights


def _on_the_plane(products: Floats, free: NDArray[np.bool_]) -> Floats:
    """Return the weights of the free rows, of sum 1, that make the square smallest; they may be negative."""
    place = np.flatnonzero(free)
    towards = np.linalg.solve(products[np.ix_(place, place)], np.ones(len(place)))
    wanted = np.zeros(len(products))
    wanted[place] = towards / towards.sum()
    return wanted


def _best_addition(products: Floats, chosen: list[int], weights: Floats) -> int | None:
    """Return the row towards which a step of the best length leads closest; None when none leads closer."""
    if not chosen:
        return int(np.diag(products).argmin())
    towards = products[:, chosen] @ weights
    now = _square(products, chosen, weights)
    length = np.maximum(np.diag(products) - 2 * towards + now, _TINY)
    step = np.clip((now - towards) / length, 0, 1)
    gain = 2 * step * (now - towards) - step**2 * length
    gain[chosen] = 0.0
    row = int(gain.argmax())
    return row if gain[row] > _TINY * max(1.0, now) else None


def _exchanged(products: Floats, chosen: list[int], weights: Floats) -> tuple[list[int], Floats]:
    """Return the rows and weights after each row was left out for a better one, if there was any."""
    for row in list(chosen):
        stays = np.array(chosen) != row
        if not weights[stays].sum() > 0:
            continue
        rest = [other for other in chosen if other != row]
        of_rest = simplex_weights(products[np.ix_(rest, rest)], weights[stays])
        other = _best_addition(products, rest, of_rest)
        if other is None or other == row:
            continue
        tried = [*rest, other]
        of_tried = simplex_weights(products[np.ix_(tried, tried)], np.append(of_rest, 0.0))
        if _square(products, tried, of_tried) < _square(products, chosen, weights):
            chosen, weights = tried, of_tried
    return chosen, weights


def _square(products: Floats, chosen: list[int], weights: Floats) -> float:
    return float(weights @ products[np.ix_(chosen, chosen)] @ weights)
