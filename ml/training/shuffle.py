"""A shuffle of rows that do not fit into memory: thrown into windows on the disk once, shuffled window by window.

Every row goes to a window that a seeded generator draws. An epoch takes the windows in a random order and shuffles each
of them in memory. So the first epoch has the rows in an order that is as good as any random one, however the file is
sorted; in a later epoch the same rows come together in a window, in another order and at another time.

Source: Rao, "Generation of random permutations of given number of elements using random sampling numbers" (1961);
Sanders, "Random permutations on distributed, external and hierarchical memory" (1998).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
from numpy.typing import NDArray

WINDOW_ROWS = 2**20
"""Rows that are shuffled in memory together, about."""
MOST_WINDOWS = 256
"""Each is an open file. With more rows the windows grow instead."""

Rows = NDArray[np.void]


class DiskShuffle:
    """Rows on the disk, to be read in a new order for every epoch.

    The files have no name, so that nothing is left of them when the process ends, however it ends.
    """

    def __init__(
        self, directory: Path, dtype: np.dtype[np.void], *, rows: int, seed: int, window_rows: int = WINDOW_ROWS
    ) -> None:
        """Prepare the windows for at most `rows` rows of `dtype`; `directory` needs space for them."""
        windows = min(MOST_WINDOWS, max(1, -(-rows // window_rows)))
        self.rows = 0
        self._dtype = dtype
        self._draw = np.random.Generator(np.random.PCG64(seed))
        self._windows: list[IO[bytes]] = [tempfile.TemporaryFile(dir=directory) for _ in range(windows)]  # noqa: SIM115

    def __enter__(self) -> DiskShuffle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for window in self._windows:
            window.close()

    def add(self, rows: Rows) -> None:
        """Throw rows into the windows; where each comes to lie does not depend on the sizes of the batches."""
        drawn = (self._draw.random(len(rows)) * len(self._windows)).astype(np.int64)
        together = rows[np.argsort(drawn, kind="stable")]
        ends = np.cumsum(np.bincount(drawn, minlength=len(self._windows)))
        for window, part in zip(self._windows, np.split(together, ends[:-1]), strict=True):
            window.write(part.tobytes())
        self.rows += len(rows)

    def epoch(self, order: np.random.Generator) -> Iterator[Rows]:
        """Yield all rows once, a window at a time, in the order that the generator `order` draws."""
        for number in order.permutation(len(self._windows)):
            window = self._windows[number]
            window.seek(0)
            rows = np.frombuffer(window.read(), self._dtype)
            yield rows[order.permutation(len(rows))]


def pieces(windows: Iterator[Rows], size: int) -> Iterator[Rows]:
    """Yield the same rows in the same order in pieces of `size`; only the last one may be smaller."""
    rest: Rows | None = None
    for window in windows:
        rows = window if rest is None else np.concatenate([rest, window])
        whole = len(rows) // size * size
        for start in range(0, whole, size):
            yield rows[start : start + size]
        rest = rows[whole:]
    if rest is not None and len(rest):
        yield rest
