"""The hashes of all rows of a data set, and how many of them are new or changed since a version was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.artifacts import Examples
from ml.registry.champion import Champion

NAME = "row_hashes.npy"


def write_row_hashes(examples: Examples, path: Path) -> None:
    """Write the sorted hashes of all rows, of both sides of the split, as uint64 [n]."""
    sides = [pq.read_table(side, columns=["row"])["row"].to_numpy() for side in (examples.train, examples.eval)]
    np.save(path, np.sort(np.concatenate(sides)), allow_pickle=False)


def read_row_hashes(version: Champion) -> NDArray[np.uint64] | None:
    """Return the hashes of the rows that a version was made from; None for one of an older code, which noted none."""
    try:
        return np.asarray(np.load(version.release / NAME, allow_pickle=False), dtype=np.uint64)
    except (OSError, ValueError, EOFError):
        return None


def changed_share(today: Path, before: NDArray[np.uint64] | None) -> float | None:
    """Return which share of today's rows was not there before, 0..1; None when nobody knows what was there.

    A row that stands there twice today and stood there once before is one new row.

    Args:
        today: The file that `write_row_hashes` wrote.
        before: The hashes at that time, in any order.
    """
    if before is None:
        return None
    now, counts = np.unique(np.load(today, allow_pickle=False), return_counts=True)
    known, known_counts = np.unique(before, return_counts=True)
    _, here, there = np.intersect1d(now, known, assume_unique=True, return_indices=True)
    return float(1 - np.minimum(counts[here], known_counts[there]).sum() / counts.sum())
