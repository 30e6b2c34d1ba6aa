"""A group-by that batches are added to: for each 64-bit key a row of counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Counts = NDArray[np.int32]
WAITING = 1 << 18
"""Rows that wait before they are merged; later as many as are merged already, so that each is sorted rarely."""


class SortedCounts:
    """Counts by key. Exact: a sum does not depend on the order or the size of the batches.

    Memory is 8 bytes and 4 for each count, for every distinct key, and up to three times that while batches merge.
    """

    def __init__(self) -> None:
        self._keys = np.zeros(0, np.uint64)
        self._counts = np.zeros((0, 0), np.int32)
        self._waiting: list[tuple[Keys, Counts]] = []
        self._waiting_rows = 0

    def add(self, keys: Keys, counts: Counts) -> None:
        """Add counts [n, width] to those of the keys [n]. A wider batch than before brings new columns."""
        self._waiting.append((keys, counts.astype(np.int32, copy=False)))
        self._waiting_rows += len(keys)
        if self._waiting_rows > max(WAITING, len(self._keys)):
            self._merge()

    def __getstate__(self) -> dict[str, Any]:
        """Return what pickle keeps: nothing that waits, which is larger."""
        self._merge()
        return self.__dict__

    def result(self) -> tuple[Keys, Counts]:
        """Return the distinct keys [n], rising, and their counts [n, width]."""
        self._merge()
        return self._keys, self._counts

    def _merge(self) -> None:
        tables = [(self._keys, self._counts), *self._waiting]
        self._waiting, self._waiting_rows = [], 0
        width = max(counts.shape[1] for _, counts in tables)
        keys = np.concatenate([keys for keys, _ in tables])
        counts = np.concatenate([np.pad(counts, ((0, 0), (0, width - counts.shape[1]))) for _, counts in tables])
        if not len(keys):
            return
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        self._keys = keys[first]
        self._counts = np.add.reduceat(counts[order], first, axis=0).astype(np.int32, copy=False)


def group(keys: Keys, columns: NDArray[np.int64], width: int) -> tuple[Keys, Counts]:
    """Return the distinct keys of n rows and how often each occurs with each column, 0 <= column < width."""
    distinct, place = np.unique(keys, return_inverse=True)
    counts = np.bincount(place * width + columns, minlength=len(distinct) * width)
    return distinct, counts.reshape(len(distinct), width).astype(np.int32)
