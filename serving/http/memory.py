"""Gives memory that large requests left behind back to the system.

glibc keeps what was freed for its own later use: after a few bodies of 30 MB a server would stay hundreds of megabytes
larger than it has to be, for good.
"""

from __future__ import annotations

import ctypes

LARGE_BYTES = 1 << 20
_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD in malloc.h


def keep_large_blocks_apart() -> None:
    """Has blocks from `LARGE_BYTES` on mapped one by one, so that freeing one gives it back.

    glibc does so at first, but raises its threshold with every large block that is freed. Without glibc: nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, LARGE_BYTES)


def give_back() -> None:
    """Gives free pages back; takes about a millisecond. Without glibc: nothing."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
