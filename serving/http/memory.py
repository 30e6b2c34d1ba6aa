"""Gives memory that large requests used back to the system.

glibc keeps freed memory for its own later use: after a few bodies of 30 MB a server would stay hundreds of megabytes
larger than it has to be, for good.
"""

from __future__ import annotations

import ctypes

LARGE_BYTES = 1 << 20
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD in malloc.h
_MAPPED_BYTES = 4 << 20
"""More than a layer of a usual network takes for a thousand rows: mapping that at each call would cost more than it."""
_KEPT_BYTES = 32 << 20


def map_large_blocks() -> None:
    """Has each block of 4 MiB or more mapped on its own, so that freeing it gives it back, and 32 MiB kept for reuse.

    glibc does the first by itself, but raises its threshold with every large block that is freed; with a threshold that
    is set it would keep only 128 KiB, and ask the system for memory at every request. Does nothing without glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _MAPPED_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)


def trim_heap() -> None:
    """Gives free pages back, which takes about a millisecond. Does nothing without glibc."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
