"""Where a model is wrong more often than elsewhere: a search over every feature and every pair of features.

A slice is weak when its accuracy is lower than that of all other rows, by a one-sided test whose standard errors are
clustered by customer profile. Equal profiles lie on the same side, so slice and rest are independent. The slices
overlap, and their tests depend on each other in ways that nobody knows: Benjamini-Yekutieli ("The control of the false
discovery rate in multiple testing under dependency", Annals of Statistics 29(4), 2001) holds the level under any
dependence, where Benjamini-Hochberg asks for a positive one. The price is power.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

FEWEST_ROWS = 50
LEVEL = 0.05
"""The expected share of slices that are named although they are no weaker than the rest."""


@dataclass(frozen=True)
class WeakSlice:
    """Customers for whom the model is wrong more often.

    Attributes:
        selected_by: The values that select them, by feature: one or two.
        rows: How many evaluation rows they are.
        accuracy: The share of them that the model puts on the right side of the threshold.
        elsewhere: The same for all other rows.
        p_adjusted: The p-value by Benjamini-Yekutieli.
        says_more: Of a pair: whether it is weaker than the rest of each of its features that is weak by itself, by the
            same test and correction. One that is not adds nothing to what the single feature says.
    """

    selected_by: dict[str, str]
    rows: int
    accuracy: float
    elsewhere: float
    p_adjusted: float
    says_more: bool = True


@dataclass(frozen=True)
class Search:
    """How many slices were looked at, and the weak ones, the surest first."""

    looked_at: int
    weak: tuple[WeakSlice, ...]


def weak_slices(
    columns: Mapping[str, NDArray[np.object_]], right: NDArray[np.bool_], profiles: NDArray[np.uint64]
) -> Search:
    """Search all slices of one and two features with at least `FEWEST_ROWS` rows inside and outside.

    Args:
        columns: The features as text, object [n] each; numbers in bands.
        right: Shape [n], whether the model is right about a row.
        profiles: Shape [n]; equal ones are a cluster.
    """
    _, cluster = np.unique(profiles, return_inverse=True)
    found = [
        (selected, rows)
        for selected, rows in _slices(columns)
        if FEWEST_ROWS <= int(rows.sum()) <= len(right) - FEWEST_ROWS
    ]
    p = np.array([_p_value(rows, ~rows, right, cluster) for _, rows in found])
    weak = [(selected, rows, float(q)) for (selected, rows), q in zip(found, adjusted(p), strict=True) if q <= LEVEL]
    says_no_more = _repeated(weak, right, cluster)
    slices = [
        WeakSlice(
            selected, int(rows.sum()), float(right[rows].mean()), float(right[~rows].mean()), q,
            number not in says_no_more,
        )
        for number, (selected, rows, q) in enumerate(weak)
    ]  # fmt: skip
    return Search(len(found), tuple(sorted(slices, key=lambda one: (one.p_adjusted, sorted(one.selected_by.items())))))


def _repeated(
    weak: list[tuple[dict[str, str], NDArray[np.bool_], float]], right: NDArray[np.bool_], cluster: NDArray[np.intp]
) -> set[int]:
    """Return which of the weak slices are pairs that are not shown to be weaker than the rest of a weak feature."""
    single = {next(iter(selected.items())): rows for selected, rows, _ in weak if len(selected) == 1}
    asked = [
        (number, rows, single[feature])
        for number, (selected, rows, _) in enumerate(weak)
        if len(selected) == 2
        for feature in selected.items()
        if feature in single
    ]
    p = np.array([_p_value(rows, of & ~rows, right, cluster) for _, rows, of in asked])
    return {number for (number, *_), q in zip(asked, adjusted(p), strict=True) if q > LEVEL}


def adjusted(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the p-values of a family adjusted by Benjamini-Yekutieli, float64 [m] in the order given."""
    m = len(p)
    if not m:
        return p
    order = np.argsort(p, kind="stable")
    ranks = np.arange(1, m + 1)
    steps = p[order] * m * (1 / ranks).sum() / ranks
    result = np.empty(m)
    result[order] = np.minimum.accumulate(steps[::-1])[::-1].clip(max=1.0)
    return result


def _slices(columns: Mapping[str, NDArray[np.object_]]) -> Iterator[tuple[dict[str, str], NDArray[np.bool_]]]:
    masks = {
        name: [(str(value), np.asarray(column == value, dtype=np.bool_)) for value in sorted(set(column.tolist()))]
        for name, column in columns.items()
    }
    for name, values in masks.items():
        for value, rows in values:
            yield {name: value}, rows
    for one, other in combinations(masks, 2):
        for value, rows in masks[one]:
            for second, others in masks[other]:
                yield {one: value, other: second}, rows & others


def _p_value(
    rows: NDArray[np.bool_], others: NDArray[np.bool_], right: NDArray[np.bool_], cluster: NDArray[np.intp]
) -> float:
    """Return the p-value of the model being no worse in `rows` than in the `others`."""
    if not others.any():
        return 1.0
    variance = sum(clustered_variance(right[side], cluster[side]) for side in (rows, others))
    lower = float(right[others].mean() - right[rows].mean())
    if variance <= 0:
        return 0.0 if lower > 0 else 1.0  # all are wrong here and all others right, or nothing to tell them apart by
    return 0.5 * math.erfc(lower / math.sqrt(2 * variance))


def clustered_variance(right: NDArray[np.bool_], cluster: NDArray[np.intp]) -> float:
    """Return the variance of the mean of values of shape [n], whose errors go together within a cluster, shape [n]."""
    sums = np.bincount(cluster, weights=right - right.mean())
    clusters = len(np.unique(cluster))
    return float((sums**2).sum() / len(right) ** 2 * clusters / max(clusters - 1, 1))
