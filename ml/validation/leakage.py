"""How well one column alone tells the label: each feature by its values, the identifier by the order that it gives."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Codes = NDArray[np.int64]
MAX_VALUES = 1000
"""A number with more distinct values than this is cut into as many quantiles, or fewer: `ROWS_A_BIN`."""
ROWS_A_BIN = 40
MIN_OF_EACH = 50
"""Rows needed inside and outside a class. With 50 of each the standard error of an AUC of 0.8 is 0.045."""


@dataclass(frozen=True)
class Labels:
    """The labels of n rows as codes [n] into `classes`; `positive` [classes] marks those that the model looks for."""

    codes: Codes
    classes: list[str]
    positive: NDArray[np.bool_]

    @property
    def targets(self) -> NDArray[np.bool_]:
        """Whether each row is positive, shape [n]."""
        return np.asarray(self.positive[self.codes])


@dataclass(frozen=True)
class Power:
    """The largest AUC with which a column tells one class from the rest: that of `of`, a class or the target."""

    auc: float
    of: str


@dataclass(frozen=True)
class Neighbours:
    """How often two rows that follow one another by identifier have the same label, and how often by chance.

    `deviations` says how many standard deviations of a random order lie between the two.
    """

    pairs: int
    agree: float
    by_chance: float
    deviations: float


def value_codes(column: pa.Array) -> Codes:
    """Return a code for each row, equal for equal values; all missing values have one of their own. Shape [n]."""
    return np.asarray(column.dictionary_encode(null_encoding="encode").indices.to_numpy(zero_copy_only=False), np.int64)


def bins(column: pa.Array) -> Codes:
    """Return codes of the column's values; of a number with more than `MAX_VALUES` of them, those of quantiles."""
    codes = value_codes(column)
    if pa.types.is_string(column.type) or codes.max(initial=0) < MAX_VALUES:
        return codes
    numbers = np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False))
    present = np.isfinite(numbers)
    count = max(2, min(MAX_VALUES, int(present.sum()) // ROWS_A_BIN))
    edges = np.quantile(numbers[present], np.arange(1, count) / count)
    return np.where(present, np.searchsorted(edges, numbers, side="right") + 1, 0)


def power(codes: Codes, labels: Labels) -> Power | None:
    """Return how well the codes tell the target, or any one class, from the rest; None with too few rows of each.

    The score of a row is the share of the class among the rows with the same code in the other half of the data, so
    that a code which occurs once says nothing. Halves are drawn at random with a fixed seed, and their AUCs averaged.
    A perfect copy of the label has 1, a column that says nothing 0.5; ties count half (Mann-Whitney).

    Args:
        codes: Shape [n], from 0.
        labels: Of the same rows.
    """
    classes = len(labels.classes)
    half = np.random.Generator(np.random.PCG64(0)).random(len(codes)) < 0.5
    size = int(codes.max(initial=0)) + 1
    place = (half * size + codes) * classes + labels.codes
    counts = np.bincount(place, minlength=2 * size * classes).reshape(2, size, classes)
    questions = np.vstack([labels.positive, np.eye(classes, dtype=bool)]).T  # [classes, 1 + classes]
    names = ["/".join(name for name, is_one in zip(labels.classes, labels.positive, strict=True) if is_one)]
    totals = counts.sum(axis=1)
    best: Power | None = None
    for question, name in zip(questions.T, names + labels.classes, strict=True):
        inside, outside = counts[:, :, question].sum(axis=2), counts[:, :, ~question].sum(axis=2)
        if min(inside.sum(), outside.sum()) < MIN_OF_EACH or 0 in (inside.sum(axis=1) * outside.sum(axis=1)):
            continue
        base = totals[:, question].sum() / totals.sum()
        auc = float(np.mean([_auc(_share(inside[1 - h], outside[1 - h], base), inside[h], outside[h]) for h in (0, 1)]))
        if best is None or auc > best.auc:
            best = Power(auc, name)
    return best


def neighbours(identifiers: pa.Array, labels: Labels) -> tuple[Neighbours | None, Power | None]:
    """Return what the order of the identifiers says: of neighbours in it, and of where in it a row stands.

    Rows without an identifier are left out. The chance is that of a random order of the same labels; its spread is
    that of the number of runs (Mood, "The Distribution Theory of Runs", 1940; Wallis and Roberts, 1956).
    """
    present = np.asarray(identifiers.is_valid())
    order = pc.sort_indices(identifiers.filter(pa.array(present))).to_numpy()
    ordered = labels.codes[present][order]
    n, counts = len(ordered), np.bincount(ordered, minlength=len(labels.classes)).astype(np.float64)
    if n < MIN_OF_EACH or counts.max() == n:
        return None, None
    squares, cubes = float((counts**2).sum()), float((counts**3).sum())
    by_chance = (squares - n) / n / (n - 1)
    variance = (squares * (squares + n * (n + 1.0)) - 2 * n * cubes - float(n) ** 3) / n**2 / (n - 1)
    agree = float((ordered[1:] == ordered[:-1]).mean())
    deviations = (agree - by_chance) * (n - 1) / sqrt(variance) if variance > 0 else 0.0
    place = np.arange(n, dtype=np.int64) * max(2, min(MAX_VALUES, n // ROWS_A_BIN)) // n
    alone = power(place, Labels(ordered, labels.classes, labels.positive))
    return Neighbours(n - 1, agree, by_chance, deviations), alone


def _share(inside: NDArray[Any], outside: NDArray[Any], base: float) -> NDArray[np.float64]:
    """Return the share inside for each code, drawn towards that of all rows by the weight of one row."""
    return np.asarray((inside + base) / (inside + outside + 1))


def _auc(score: NDArray[np.float64], inside: NDArray[Any], outside: NDArray[Any]) -> float:
    """Return the share of pairs, one row inside and one outside, whose scores are in the right order."""
    _, group = np.unique(score, return_inverse=True)
    positive = np.bincount(group, weights=inside)
    negative = np.bincount(group, weights=outside)
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / positive.sum() / negative.sum())
