"""Gives memory that large requests used back to the system.

glibc keeps freed memory for its own later use: after a few bodies of 30 MB a server would stay hundreds of megabytes
larger than it has to be, for good.
"""

from __future__ import annotations

import ctypes

LARGE_BYTES = 1 << 20
_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD in malloc.h


def map_large_blocks() -> None:
    """Has each block of `LARGE_BYTES` or more mapped on its own, so that freeing it gives it back.

    glibc does so at first, but raises its threshold with every large block that is freed. Does nothing without glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, LARGE_BYTES)


def trim_heap() -> None:
    """Gives free pages back, which takes about a millisecond. Does nothing without glibc."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
