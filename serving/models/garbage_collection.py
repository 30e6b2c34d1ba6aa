"""Python's garbage collector in a process that holds TensorFlow."""

from __future__ import annotations

import gc
import threading

_ONE_AT_A_TIME = threading.Lock()


def collect_and_freeze() -> None:
    """Frees what an unloaded version left behind, and exempts everything that stays from garbage collection.

    TensorFlow alone has about a million objects; a collection that visits them stops every request for a quarter of a
    second. A process that has switched the collector off, such as a retraining that asks its own server a few
    questions, is left alone.
    """
    if not gc.isenabled():
        return
    with _ONE_AT_A_TIME:
        gc.unfreeze()
        gc.collect()
        gc.freeze()


def unfreeze() -> None:
    """Makes everything subject to garbage collection again."""
    with _ONE_AT_A_TIME:
        gc.unfreeze()
