"""How well one column alone tells the label: each feature by its values, the identifier by the order that it gives."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_VALUES = 1000
"""A number with more distinct values than this is cut into as many quantiles, or fewer: `ROWS_A_BIN`."""
ROWS_A_BIN = 40
MIN_OF_EACH = 50
"""Rows needed inside and outside a class. With 50 of each the standard error of an AUC of 0.8 is 0.045."""


@dataclass(frozen=True)
class Classes:
    """The names of the classes; `positive` [classes] marks those that the model looks for."""

    names: list[str]
    positive: NDArray[np.bool_]


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


def in_first_half(random: np.random.Generator, rows: int) -> NDArray[np.bool_]:
    """Return for each of the next rows whether it is in the first of two halves. The generator goes on from there."""
    return random.random(rows) < 0.5


def quantile_bins(
    values: NDArray[np.float64], counts: NDArray[np.int64], *, missing: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return the counts [code, width] of a number: as they are up to `MAX_VALUES` values, else those of quantiles.

    The edges are `np.quantile`'s of the rows, by linear interpolation. What is missing or not finite has code 0 then.

    Args:
        values: The distinct values, shape [n].
        counts: How often each occurs, shape [n, width].
        missing: Which of them stands for a missing one, shape [n].
    """
    if len(values) <= MAX_VALUES:
        return counts
    present = np.isfinite(values) & ~missing
    order = np.flatnonzero(present)[np.argsort(values[present], kind="stable")]
    rising, until = values[order], np.cumsum(counts[order].sum(axis=1))
    rows = int(until[-1]) if len(until) else 0
    count = _bins(rows)
    edges = _quantiles(rising, until, np.arange(1, count) / count) if rows else np.zeros(0)
    codes = np.where(present, np.searchsorted(edges, values, side="right") + 1, 0)
    binned = np.zeros((count + 1, counts.shape[1]), np.int64)
    np.add.at(binned, codes, counts)
    return binned


def _quantiles(rising: NDArray[np.float64], until: NDArray[np.int64], shares: NDArray[np.float64]) -> Any:
    """Return NumPy's quantiles of sorted values of which `until` counts the rows up to each."""
    at = shares * (until[-1] - 1)
    below = np.floor(at)
    share = at - below
    low, high = (
        rising[np.searchsorted(until, np.minimum(place, until[-1] - 1), side="right")] for place in (below, below + 1)
    )
    step = high - low
    return np.where(share < 0.5, low + step * share, high - step * (1 - share))


def power_of(counts: NDArray[np.int64], classes: Classes) -> Power | None:
    """Return the power of a column by its counts [half, code, class]; None with too few rows of each class.

    The score of a row is the share of the class among the rows with the same code in the other half of the data, so
    that a code which occurs once says nothing. Halves are drawn at random with a fixed seed, and their AUCs averaged.
    A perfect copy of the label has 1, a column that says nothing 0.5; ties count half (Mann-Whitney).
    """
    questions = np.vstack([classes.positive, np.eye(len(classes.names), dtype=bool)]).T  # [classes, 1 + classes]
    names = ["/".join(name for name, is_one in zip(classes.names, classes.positive, strict=True) if is_one)]
    totals = counts.sum(axis=1)
    best: Power | None = None
    for question, name in zip(questions.T, names + classes.names, strict=True):
        inside, outside = counts[:, :, question].sum(axis=2), counts[:, :, ~question].sum(axis=2)
        if min(inside.sum(), outside.sum()) < MIN_OF_EACH or 0 in (inside.sum(axis=1) * outside.sum(axis=1)):
            continue
        base = totals[:, question].sum() / totals.sum()
        auc = float(np.mean([_auc(_share(inside[1 - h], outside[1 - h], base), inside[h], outside[h]) for h in (0, 1)]))
        if best is None or auc > best.auc:
            best = Power(auc, name)
    return best


@dataclass(frozen=True)
class OrderCounts:
    """What is counted of labelled rows that follow one another in the order of their identifiers.

    Attributes:
        by_class: How many rows each class has, [classes].
        agreeing: How many pairs of neighbours have the same label.
        first: The code of the first row's label, -1 without rows.
        last: That of the last row's.
        first_bin: The bin in which the first row stands.
        table: The counts [half, bin, class] of the bins from there on; bins are as many of equal size as all rows have.
    """

    by_class: NDArray[np.int64]
    agreeing: int
    first: int
    last: int
    first_bin: int
    table: NDArray[np.int64]

    @classmethod
    def of(cls, codes: NDArray[np.int8], classes: int, *, before: int, rows: int) -> OrderCounts:
        """Count rows [n] of which so many stand `before` the first, of `rows` in all. The halves are random."""
        bins = _bins(rows)
        by_class = np.bincount(codes, minlength=classes)
        if not len(codes):
            return cls(by_class, 0, -1, -1, 0, np.zeros((2, 0, classes), np.int64))
        half = in_first_half(random_from(before), len(codes))
        place = np.arange(before, before + len(codes), dtype=np.int64) * bins // rows
        first_bin, size = int(place[0]), int(place[-1] - place[0]) + 1
        joint = half * size
        joint += place
        joint -= first_bin
        joint *= classes
        joint += codes
        table = np.bincount(joint, minlength=2 * size * classes).reshape(2, size, classes)
        agreeing = int((codes[1:] == codes[:-1]).sum())
        return cls(by_class, agreeing, int(codes[0]), int(codes[-1]), first_bin, table)

    def followed_by(self, other: OrderCounts) -> OrderCounts:
        """Return the counts of these rows and of those that come next."""
        if not self.table.size or not other.table.size:
            return other if other.table.size else self
        end = other.first_bin + other.table.shape[1]
        table = np.zeros((2, end - self.first_bin, self.table.shape[2]), np.int64)
        table[:, : self.table.shape[1]] += self.table
        table[:, other.first_bin - self.first_bin :] += other.table
        agreeing = self.agreeing + other.agreeing + (self.last == other.first)
        return OrderCounts(self.by_class + other.by_class, agreeing, self.first, other.last, self.first_bin, table)


def random_from(row: int) -> np.random.Generator:
    """Return the generator that halves rows, as it is after so many: one number a row, always the same ones."""
    return np.random.Generator(np.random.PCG64(0).advance(row))


def neighbours(counts: OrderCounts, classes: Classes) -> tuple[Neighbours | None, Power | None]:
    """Return what the order of the identifiers says: of neighbours in it, and of where in it a row stands.

    The chance is that of a random order of the same labels; its spread is that of the number of runs (Mood, "The
    Distribution Theory of Runs", 1940; Wallis and Roberts, 1956).

    Args:
        counts: Those of all rows with a label.
        classes: What the codes mean.
    """
    n, by_class = int(counts.by_class.sum()), counts.by_class.astype(np.float64)
    if n < MIN_OF_EACH or by_class.max() == n:
        return None, None
    squares, cubes = float((by_class**2).sum()), float((by_class**3).sum())
    by_chance = (squares - n) / n / (n - 1)
    variance = (squares * (squares + n * (n + 1.0)) - 2 * n * cubes - float(n) ** 3) / n**2 / (n - 1)
    agree = counts.agreeing / (n - 1)
    deviations = (agree - by_chance) * (n - 1) / sqrt(variance) if variance > 0 else 0.0
    return Neighbours(n - 1, agree, by_chance, deviations), power_of(counts.table, classes)


def _bins(rows: int) -> int:
    return max(2, min(MAX_VALUES, rows // ROWS_A_BIN))


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
