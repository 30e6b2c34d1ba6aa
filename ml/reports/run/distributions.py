"""How the values of each column are distributed in two data sets: the shares that a page draws side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml.data.csv_reader import ArrowColumns
from ml.errors import printable
from ml.reports.look.palette import CANDIDATE, CHAMPION
from ml.reports.look.plot import Plot, Table, drawing, svg_of

MOST_VALUES, BINS = 9, 12
"""Of a text column, beyond which the rarer ones are one bar; and of a column of numbers."""
OTHER = "other"
SHOWN_LETTERS = 18
INCHES = 3.3, 2.3


@dataclass(frozen=True)
class Distribution:
    """The values of one column in the data, and in what they are compared with.

    Attributes:
        column: Its name.
        labels: The values, or the ranges of numbers, in the order of the drawing.
        counts: Rows of the data for each label.
        before: The same of the other data; None when there are none, or they lack the column.
        missing: Rows without a value, in the data and in the others (None as for `before`).
        edges: Of the ranges, one more than `labels`; None for texts.
    """

    column: str
    labels: Sequence[str]
    counts: NDArray[np.int64]
    before: NDArray[np.int64] | None
    missing: tuple[int, int | None]
    edges: NDArray[np.float64] | None = None

    @property
    def rows(self) -> tuple[int, int]:
        """Rows of the data and of the others, those without a value too."""
        before = 0 if self.before is None else int(self.before.sum()) + (self.missing[1] or 0)
        return int(self.counts.sum()) + self.missing[0], before


def distribution(column: str, now: ArrowColumns, before: ArrowColumns | None) -> Distribution:
    """Count the values of a column of `now`, and beside them those of `before`, over the same labels."""
    ours, theirs = now[column], (before or {}).get(column)
    missing = ours.null_count, None if theirs is None else theirs.null_count
    present = [one.drop_null() for one in (ours, theirs) if one is not None]
    if all(pa.types.is_floating(one.type) or pa.types.is_integer(one.type) for one in present):
        numbers = [one.cast(pa.float64()).to_numpy(zero_copy_only=False) for one in present]
        edges = _edges(np.concatenate(numbers))
        counts = [_counted(one, edges) for one in numbers]
        return Distribution(column, _ranges(edges), counts[0], counts[1] if len(counts) > 1 else None, missing, edges)
    tallies = [_tally(one.cast(pa.string())) for one in present]
    total = {value: sum(tally.get(value, 0) for tally in tallies) for tally in tallies for value in tally}
    values = sorted(total, key=lambda value: (-total[value], value))
    shown = values if len(values) <= MOST_VALUES + 1 else values[:MOST_VALUES]
    rest = set(values) - set(shown)
    counts = [
        np.array([tally.get(value, 0) for value in shown] + ([sum(tally.get(one, 0) for one in rest)] if rest else []))
        for tally in tallies
    ]
    labels = [*shown, *([f"{OTHER} ({len(rest):,} values)"] if rest else [])]
    return Distribution(column, labels, counts[0], counts[1] if len(counts) > 1 else None, missing)


def distribution_plot(of: Distribution, *, now: str, before: str, drift: str = "") -> Plot:
    """Draw the shares: this data in the candidate's colour, the other in the champion's.

    Args:
        of: What is drawn.
        now: What the table calls the data.
        before: What it calls the other.
        drift: A sentence about the distance; "" when it was not measured.
    """
    with drawing(inches=INCHES) as (figure, axes):
        ours, theirs = _shares(of.counts), None if of.before is None else _shares(of.before)
        if of.edges is not None and len(of.edges) > 1:
            if theirs is not None:
                axes.stairs(theirs, of.edges, fill=True, color=CHAMPION, alpha=0.35, linewidth=0)
            axes.stairs(ours, of.edges, color=CANDIDATE, linewidth=1.8)
            axes.set_xlim(of.edges[0], of.edges[-1])
            if _is_whole(of.edges):
                axes.xaxis.get_major_locator().set_params(integer=True)
            axes.set_ylabel("share of rows (%)")
            axes.grid(axis="y")
        else:
            places = np.arange(len(of.labels))
            height = 0.8 if theirs is None else 0.4
            axes.barh(places - (0 if theirs is None else 0.2), ours, height, color=CANDIDATE)
            if theirs is not None:
                axes.barh(places + 0.2, theirs, height, color=CHAMPION, alpha=0.6)
            axes.set_yticks(places, [_short(label) for label in of.labels])
            axes.tick_params(axis="y", length=0)
            axes.set_ylim(len(of.labels) - 0.4, -0.6)
            axes.set_xlabel("share of rows (%)")
            axes.grid(axis="x")
        svg = svg_of(figure, f"column-{_word(of.column)}")
    return Plot(f"column-{_word(of.column)}", of.column, _says(of, drift), svg, _table(of, now, before))


def missing_share(of: Distribution) -> tuple[float, float | None]:
    """Return the share of rows without a value in the data, and in the other."""
    rows, before = of.rows
    return of.missing[0] / rows if rows else 0.0, None if of.missing[1] is None or not before else of.missing[
        1
    ] / before


def _says(of: Distribution, drift: str) -> str:
    missing, before = missing_share(of)
    told = f"Missing {missing:.1%}" + (f", before {before:.1%}." if before is not None else ".")
    return f"{told} {drift}".strip()


def _table(of: Distribution, now: str, before: str) -> Table:
    compared = of.before is not None
    head = ["value", f"{now}, rows", "share", *([f"{before}, rows", "share"] if compared else [])]
    sides = [(of.counts, of.missing[0])]
    if of.before is not None:
        sides.append((of.before, of.missing[1] or 0))
    labels = [*of.labels, "(missing)"]
    columns = [[*map(int, counts), missing] for counts, missing in sides]
    cells = [[f"{n:,}", f"{n / (sum(column) or 1):.1%}"] for column in columns for n in column]
    size = len(labels)
    return Table(head, [[label, *(c for side in range(len(sides)) for c in cells[side * size + place])]
                        for place, label in enumerate(labels)])  # fmt: skip


def _tally(column: Any) -> Mapping[str, int]:
    counts = pc.value_counts(column)
    return {one["values"]: one["counts"] for one in counts.to_pylist()}


def _edges(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the edges of the ranges; few whole numbers are a range each, and rare extremes lie in the outer ones."""
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return np.array([0.0, 1.0])
    low, high = (float(value) for value in np.quantile(finite, (0.001, 0.999)))
    if (finite == np.round(finite)).all():
        low, high = np.floor(low), np.ceil(high)
        width = max(1.0, np.ceil((high - low + 1) / (BINS + 3)))
        return np.asarray(np.arange(low - 0.5, high + 0.5 + width, width))
    return np.linspace(low, high, BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])


def _counted(numbers: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    inside = np.clip(numbers[~np.isnan(numbers)], edges[0], edges[-1])
    return np.histogram(inside, edges)[0].astype(np.int64)


def _ranges(edges: NDArray[np.float64]) -> list[str]:
    """Return how a table names the ranges."""
    if _is_whole(edges):
        pairs = [(low + 0.5, high - 0.5) for low, high in pairwise(edges)]
        return [f"{low:g}" if low == high else f"{low:g} to {high:g}" for low, high in pairs]
    return [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]


def _is_whole(edges: NDArray[np.float64]) -> bool:
    """Return whether the ranges are those of whole numbers."""
    return bool(np.allclose(edges % 1, 0.5))


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(100 * counts / (counts.sum() or 1))


def _short(label: str) -> str:
    text = printable(" ".join(label.split()))
    return text if len(text) <= SHOWN_LETTERS else f"{text[: SHOWN_LETTERS - 1]}…"


def _word(column: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in column)
