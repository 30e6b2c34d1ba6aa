"""The identifiers of all rows: which occur twice, and what their order says about the label."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml.validation.leakage import Classes, Labels, Neighbours, Power, neighbours


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
        ordered, order = self._sorted
        if len(ordered) < 2:
            return 0, self._all[:0]
        same = np.asarray(pc.equal(ordered[1:], ordered[:-1]))
        if not same.any():
            return 0, self._all[:0]
        begins = np.flatnonzero(~np.concatenate([[False], same]))
        sizes = np.diff(np.append(begins, len(ordered)))
        twice = sizes > 1
        first = np.sort(order[begins[twice]])[:at_most]  # in the order of the file: the sort is stable
        return int(sizes[twice].sum()), self._all.take(pa.array(first))

    def order(self, classes: Classes) -> tuple[Neighbours | None, Power | None]:
        """Return what the order of the identifiers says about the labels, as `ml.validation.leakage.neighbours`."""
        ordered = np.concatenate([np.zeros(0, np.int8), *self._labels])[self._sorted[1]]
        return neighbours(Labels(ordered[ordered >= 0], classes.names, classes.positive))

    @cached_property
    def _all(self) -> pa.Array:
        chunks, self._chunks = self._chunks, []
        return pa.concat_arrays(chunks) if chunks else pa.nulls(0, pa.int64())

    @cached_property
    def _sorted(self) -> tuple[pa.Array, NDArray[np.uint64]]:
        order = pc.sort_indices(self._all)
        return self._all.take(order), np.asarray(order.to_numpy())
