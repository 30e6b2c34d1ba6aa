"""Showing progress: a bar on a terminal, ten lines anywhere else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

T = TypeVar("T")
_WIDTH = 30


def with_progress(items: Iterable[T], total: int, stream: TextIO) -> Iterator[T]:
    """Passes the items on, and shows on `stream` how many of `total` have passed."""
    bar, step = stream.isatty(), 0
    steps = 100 if bar else 10
    if bar:
        _show(stream, 0, total, bar=bar)
    try:
        for number, item in enumerate(items, start=1):
            yield item
            if (now := number * steps // total) != step:
                step = now
                _show(stream, number, total, bar=bar)
    finally:
        if bar:
            stream.write("\n")
            stream.flush()


def _show(stream: TextIO, number: int, total: int, *, bar: bool) -> None:
    filled = "#" * (number * _WIDTH // total)
    text = f"{number:,} of {total:,} customers"
    stream.write(f"\r[{filled:<{_WIDTH}}] {text} " if bar else f"scored {text}\n")
    stream.flush()
