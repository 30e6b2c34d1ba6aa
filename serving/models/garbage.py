"""Python's garbage collector in a process that holds TensorFlow."""

from __future__ import annotations

import gc
import threading

_ONE_AT_A_TIME = threading.Lock()


def settle() -> None:
    """Frees what a version left behind, and takes what stays out of the garbage collector's rounds.

    TensorFlow alone is some million objects; walking over them halts every request for a quarter of a second. A process
    that has switched the collector off, such as a retraining that asks its own server a few questions, is left alone.
    """
    if not gc.isenabled():
        return
    with _ONE_AT_A_TIME:
        gc.unfreeze()
        gc.collect()
        gc.freeze()


def unsettle() -> None:
    """Gives everything back to the garbage collector's rounds."""
    with _ONE_AT_A_TIME:
        gc.unfreeze()
