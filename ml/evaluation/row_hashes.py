"""The hashes of all rows of a data set, and how many of them are new or changed since a version was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.artifacts import Examples
from ml.registry.champion import Champion

NAME = "row_hashes.npy"
TOGETHER = 2**20
"""Hashes that are looked at together."""


def write_row_hashes(examples: Examples, path: Path) -> None:
    """Write the sorted hashes of all rows, of both sides of the split, as uint64 [n].

    Rows that outcomes added are not among them: the file outlasts a customer who is erased.
    """
    sides = ((examples.train, examples.obtained_rows), (examples.eval, examples.eval_rows))
    hashes = np.empty(sum(rows for _, rows in sides), dtype=np.uint64)
    start = 0
    for side, left in sides:
        for batch in pq.ParquetFile(side).iter_batches(columns=["row"]):
            some = batch["row"].to_numpy()[:left]
            hashes[start : start + len(some)] = some
            start, left = start + len(some), left - len(some)
    hashes.sort()
    np.save(path, hashes, allow_pickle=False)


def read_row_hashes(version: Champion) -> NDArray[np.uint64] | None:
    """Return the hashes of the rows that a version was made from; None for one of an older code, which noted none.

    They stay in the file, and are read from there as they are looked at.
    """
    return hashes_in(version.release)


def changed_share(today: Path, before: NDArray[np.uint64] | None) -> float | None:
    """Return which share of today's rows was not there before, 0..1; None when nobody knows what was there.

    A row that stands there twice today and stood there once before is one new row. No more than `TOGETHER` hashes and
    the repetitions of the last one are looked at together.

    Args:
        today: The file that `write_row_hashes` wrote.
        before: The hashes at that time, in any order.
    """
    if before is None:
        return None
    now, then = _opened(today), before
    if not _is_sorted(then):
        then = np.sort(then)
    known, start = 0, 0
    while start < len(now):
        # All rows that are equal are counted together.
        stop = int(np.searchsorted(now, now[min(start + TOGETHER, len(now)) - 1], side="right"))
        values, counts = np.unique(now[start:stop], return_counts=True)
        there = np.searchsorted(then, values, side="right") - np.searchsorted(then, values, side="left")
        known += int(np.minimum(counts, there).sum())
        start = stop
    return float(1 - known / len(now))


def hashes_in(directory: Path) -> NDArray[np.uint64] | None:
    """Return the hashes in a release record, or in what `evaluate` made; None where there are none."""
    try:
        return np.asarray(_opened(directory / NAME), dtype=np.uint64)
    except (OSError, ValueError, EOFError):
        return None


def _opened(path: Path) -> NDArray[np.uint64]:
    return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _is_sorted(hashes: NDArray[np.uint64]) -> bool:
    parts = (hashes[start : start + TOGETHER + 1] for start in range(0, len(hashes), TOGETHER))
    return all(bool((part[:-1] <= part[1:]).all()) for part in parts)
