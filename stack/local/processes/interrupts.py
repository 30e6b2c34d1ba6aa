"""Ctrl-C and SIGTERM: once is enough, nothing that was started is forgotten, and cleaning up is not cut short."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def interrupt_once() -> None:
    """From now on the first Ctrl-C or SIGTERM raises KeyboardInterrupt; those after it are ignored.

    What cleans up afterwards therefore runs to its end, however often Ctrl-C is pressed. A signal that is ignored
    already, as SIGINT is in a shell's background, stays ignored.
    """
    for number in _obeyed():
        signal.signal(number, _interrupt)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let the block end what was started although Ctrl-C is pressed again and again."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back until the block has ended: what it starts is written down before anybody stops it.

    A handler, not a mask: a child would inherit the mask.
    """
    held: list[int] = []
    before = {number: signal.signal(number, lambda number, _frame: held.append(number)) for number in _obeyed()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])


def _obeyed() -> list[signal.Signals]:
    return [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


def _interrupt(_signal: int, _frame: object) -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
