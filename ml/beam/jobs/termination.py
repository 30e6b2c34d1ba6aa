"""SIGTERM as an exception, so that a job is cancelled and its files are removed before the process ends by it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Terminated(BaseException):
    """SIGTERM came: Airflow ends the task, or the machine shuts down."""


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """Raise `Terminated` in the block when SIGTERM comes, and end the process by that signal once the block is left.

    A second SIGTERM changes nothing. On another thread than the main one, Python gets no signals: nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    except Terminated:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
