"""What is counted of one column: rows, missing ones, those that show an anomaly with a few examples, the range."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.validation.counts.column import Column, floats
from ml.validation.findings import (
    INFINITE,
    NOT_A_NUMBER,
    NOT_THERE,
    OUT_OF_RANGE,
    UNEXPECTED_VALUE,
    anomalous_values,
)

MOST_COUNTED = 1_000_000
"""More distinct unknown values of a category than that are not counted one by one: no schema could list them."""


@dataclass
class Anomalous:
    """The number of rows that show an anomaly, and the first distinct values in them."""

    rows: int = 0
    examples: list[Any] = field(default_factory=list)

    def note(self, rows: int, values: Iterable[Any], at_most: int) -> None:
        """Count more rows, which have these values, and take examples from them until there are `at_most`."""
        self.rows += rows
        if len(self.examples) < at_most:
            seen = set(self.examples)
            more = dict.fromkeys(value for value in values if value not in seen)
            self.examples += list(more)[: at_most - len(self.examples)]


@dataclass
class ColumnCounts:
    """The counts of a column; `feature` is its `tensorflow_metadata.proto.v0.Feature`, None if the schema has none.

    Attributes:
        rows: All of them.
        nulls: Those without a value.
        unknown: How often each value occurs that the schema's domain does not list.
        uncounted: Whether `unknown` lacks some, since there were more than `MOST_COUNTED`.
        low: The smallest finite number; None without one.
        high: The largest finite number.
    """

    feature: Any
    max_examples: int
    rows: int = 0
    nulls: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    uncounted: bool = False
    low: float | None = None
    high: float | None = None
    _anomalous: dict[str, Anomalous] = field(default_factory=dict)

    def add(self, column: Column) -> None:
        """Count some rows."""
        self.rows += len(column.places)
        self.nulls += column.nulls
        if self.feature is None:
            return
        if not column.is_text:
            if not self.feature.HasField("float_domain"):
                return  # identifiers, of which no number is out of range
            column = Column(pa.array(floats(column.values)), column.places)
            self._widen(column.values)
        for kind in (NOT_A_NUMBER[0], UNEXPECTED_VALUE) if column.is_text else (*OUT_OF_RANGE, INFINITE):
            found = self._anomalous.setdefault(kind, Anomalous())
            mask = np.asarray(anomalous_values(kind, column.values, self.feature))
            if mask.any():
                self._note(found, kind, column, mask)

    def merge(self, later: ColumnCounts) -> None:
        """Add the counts of rows that come after these."""
        self.rows += later.rows
        self.nulls += later.nulls
        for kind, found in later._anomalous.items():
            self._anomalous.setdefault(kind, Anomalous()).note(found.rows, found.examples, self.max_examples)
        self._count_unknown(later.unknown)
        self.uncounted = self.uncounted or later.uncounted
        if later.low is not None and later.high is not None:
            self._reach(later.low, later.high)

    def anomalous(self, kind: str) -> Anomalous | None:
        """Return the rows that show the anomaly `kind`; None when no row by itself shows it."""
        if kind in NOT_THERE:
            return Anomalous(self.nulls)
        return self._anomalous.get(NOT_A_NUMBER[0] if kind in NOT_A_NUMBER else kind)

    def _note(self, found: Anomalous, kind: str, column: Column, mask: Any) -> None:
        values = column.values.filter(pa.array(mask)).to_pylist()
        found.note(int(column.counts[mask].sum()), values, self.max_examples)
        if kind == UNEXPECTED_VALUE and self.feature.HasField("string_domain"):
            self._count_unknown(dict(zip(values, column.counts[mask].tolist(), strict=True)))

    def _count_unknown(self, counts: Mapping[str, int]) -> None:
        if len(counts) > MOST_COUNTED - len(self.unknown):
            self.uncounted = self.uncounted or not self.unknown.keys() >= counts.keys()
        for value, count in counts.items():
            if value in self.unknown or len(self.unknown) < MOST_COUNTED:
                self.unknown[value] += count

    def _widen(self, values: pa.Array) -> None:
        numbers = values.filter(pc.is_finite(values))
        if len(numbers):
            found = pc.min_max(numbers).as_py()
            self._reach(found["min"], found["max"])

    def _reach(self, low: float, high: float) -> None:
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)
