"""Numbers of many rows, of which evenly spread ones are kept when there are too many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST = 200_000
"""A share that is estimated from so many is exact to a tenth of a point; all of a busy week would need much memory."""


class Thinned:
    """Keeps at most `MOST` numbers: each one, then each second, each fourth and so on, from the first to the last.

    The same numbers in the same order give the same ones again.
    """

    def __init__(self) -> None:
        self._kept: list[float] = []
        self._step = 1
        self._seen = 0

    def add(self, number: float) -> None:
        """Take in one more."""
        if self._seen % self._step == 0:
            if len(self._kept) == MOST:
                self._kept = self._kept[::2]
                self._step *= 2
            if self._seen % self._step == 0:
                self._kept.append(number)
        self._seen += 1

    @property
    def numbers(self) -> NDArray[np.float64]:
        """Those that are kept, in their order."""
        return np.array(self._kept, dtype=np.float64)
