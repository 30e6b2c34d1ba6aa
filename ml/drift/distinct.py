"""How many different customers there are among many rows, without keeping them.

The k smallest of many hashes tell how many different ones there are: if the largest of these is at a share s of the
range, there are about (k - 1) / s (Bar-Yossef et al., "Counting distinct elements in a data stream", 2002).
"""

from __future__ import annotations

import hashlib
import heapq

KEPT = 4096
"""The standard error of the number is 1 / sqrt(KEPT), 1.6 %; up to so many it is exact."""
_RANGE = 1 << 64


class Distinct:
    """Counts different keys. Memory does not grow with them."""

    def __init__(self) -> None:
        self._largest_first: list[int] = []
        self._kept: set[int] = set()

    def add(self, key: str) -> None:
        """Count a key; one that was counted before changes nothing."""
        found = int.from_bytes(hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=8).digest())
        if found in self._kept:
            return
        if len(self._kept) < KEPT:
            heapq.heappush(self._largest_first, -found)
        elif found < -self._largest_first[0]:
            self._kept.remove(-heapq.heapreplace(self._largest_first, -found))
        else:
            return
        self._kept.add(found)

    @property
    def number(self) -> int:
        """How many there are, exact up to `KEPT`."""
        if len(self._kept) < KEPT:
            return len(self._kept)
        return round((KEPT - 1) * _RANGE / -self._largest_first[0])
