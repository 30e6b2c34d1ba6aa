"""The identifiers of all rows: which occur twice, and what their order says about the label."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml.validation.leakage import Classes, Neighbours, OrderCounts, Power, neighbours


class CountedIdentifiers(Protocol):
    """What is asked of the identifiers of all rows, wherever they were sorted."""

    def duplicates(self, at_most: int) -> tuple[int, pa.Array]:
        """Return the number of rows whose identifier occurs more than once, and the first of these identifiers."""
        ...

    def order(self, classes: Classes) -> tuple[Neighbours | None, Power | None]:
        """Return what the order of the identifiers says about the labels, as `ml.validation.leakage.neighbours`."""
        ...


class Identifiers:
    """Identifiers and the codes of their labels, 9 bytes a row; texts take what they are long, and 8 bytes.

    Kept whole, since neither duplicates nor the order can be told from less. Rows without one are left out.
    """

    def __init__(self) -> None:
        self._chunks: list[pa.Array] = []
        self._labels: list[NDArray[np.int8]] = []

    def add(self, column: pa.Array, labels: NDArray[np.int8]) -> None:
        """Add identifiers (int64, float64 or text, without nulls) and the codes of their labels, -1 without one."""
        if pa.types.is_string(column.type):
            column = pc.cast(column, pa.large_string())  # all of them together may have more than 2 GB
        self._chunks.append(column)
        self._labels.append(labels)

    def duplicates(self, at_most: int) -> tuple[int, pa.Array]:
        """Return the number of rows whose identifier occurs more than once, and the first of these identifiers."""
        ordered, places = self.in_order
        rows, first = repeated(ordered, places, at_most)
        return rows, ordered.take(pa.array(first))

    def order(self, classes: Classes) -> tuple[Neighbours | None, Power | None]:
        """Return what the order of the identifiers says about the labels, as `ml.validation.leakage.neighbours`."""
        ordered = self.labels
        ordered = ordered[ordered >= 0]
        return neighbours(OrderCounts.of(ordered, len(classes.names), before=0, rows=len(ordered)), classes)

    @cached_property
    def in_order(self) -> tuple[pa.Array, NDArray[np.uint64]]:
        """The identifiers [n], rising, and the place of each among all. Equal ones stay in the order of the file."""
        chunks, self._chunks = self._chunks, []
        return rising(pa.concat_arrays(chunks) if chunks else pa.nulls(0, pa.int64()))

    @property
    def labels(self) -> NDArray[np.int8]:
        """The codes of the labels in the order of the identifiers, -1 without one."""
        return np.asarray(np.concatenate([np.zeros(0, np.int8), *self._labels])[self.in_order[1]])


def rising(identifiers: pa.Array) -> tuple[pa.Array, NDArray[np.uint64]]:
    """Return the identifiers sorted, texts by their bytes, and where each was before; equal ones keep their order."""
    order = pc.sort_indices(identifiers)
    return identifiers.take(order), np.asarray(order.to_numpy())


def repeated(ordered: pa.Array, places: NDArray[np.integer[Any]], at_most: int) -> tuple[int, NDArray[np.int64]]:
    """Return how many rows have an identifier that others have too, and where in `ordered` the first of these stand.

    Args:
        ordered: The identifiers, sorted.
        places: That of each in the data, equal ones rising; by them the first are chosen, one row of each identifier.
        at_most: How many are chosen.
    """
    if len(ordered) < 2:
        return 0, np.zeros(0, np.int64)
    same = np.asarray(pc.equal(ordered[1:], ordered[:-1]))
    if not same.any():
        return 0, np.zeros(0, np.int64)
    begins = np.flatnonzero(~np.concatenate([[False], same]))
    sizes = np.diff(np.append(begins, len(ordered)))
    twice = sizes > 1
    begins = begins[twice]
    return int(sizes[twice].sum()), begins[np.argsort(places[begins])[:at_most]]
