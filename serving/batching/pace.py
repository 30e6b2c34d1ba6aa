"""Learns which calls are so fast that handing them to another thread would cost more than waiting for them."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable

FAST_SECONDS = 0.002
"""A call up to this long may keep the event loop waiting."""
_REST = 100
_SIZES = 9


class Pace:
    """How long calls of one signature took, for each size: 1 row, 2 or 3, 4 to 7, and so on up to 255 rows.

    No call runs on the loop before one of its size was fast on a thread. A call that is slow there all the same bars
    its size and larger ones for a hundred times as long as it took: whatever a model does, it can take no more than one
    hundredth of the loop's time by surprise.

    Args:
        clock: seconds, of any beginning.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._barred_until = [math.inf] * _SIZES

    def allows(self, rows: int) -> bool:
        """Whether a call of so many rows may run on the loop."""
        size = rows.bit_length()
        return size < _SIZES and self._barred_until[size] <= self._clock()

    def saw(self, rows: int, seconds: float) -> None:
        """Takes note of how long a call of so many rows took."""
        size = rows.bit_length()
        if seconds <= FAST_SECONDS:
            if size < _SIZES and self._barred_until[size] == math.inf:
                self._barred_until[size] = self._clock()
            return
        until = self._clock() + _REST * seconds
        for larger in range(size, _SIZES):
            if self._barred_until[larger] != math.inf:
                self._barred_until[larger] = max(until, self._barred_until[larger])


class Stopwatch:
    """How long a call takes that begins now and ends on the same thread.

    On a busy machine the clock tells little: the thread may stand still for milliseconds because it is somebody else's
    turn. So it is the thread's time at work that counts, unless it waited of its own accord, and for long.

    Args:
        patience: how long a thread may wait, in seconds, without its being the call's fault.
    """

    __slots__ = ("_at_work", "_patience", "_start", "_waits")

    def __init__(self, *, patience: float) -> None:
        self._patience = patience
        self._waits = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
        self._at_work = time.thread_time()
        self._start = time.perf_counter()

    def seconds(self) -> float:
        """The time until now."""
        seconds = time.perf_counter() - self._start
        if seconds > self._patience and resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw > self._waits:
            return seconds
        return time.thread_time() - self._at_work
