"""How far long work has come: a bar on a terminal, a line a minute in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TextIO

log = logging.getLogger(__name__)
QUIET_SECONDS = 5.0
LINE_SECONDS = 60.0


class Progress:
    """Counts the rows of some work, and tells how many a second there are and how long the rest will take.

    Nothing is told of work of less than `QUIET_SECONDS`. Then a terminal has a bar, which goes away at the end; a log
    has a line, the next one a minute later, and one at the end. The estimate takes the rows to come at the pace of
    those since the last line (for the bar, of the last ones), and not of all: the first batch of a process loads
    libraries. It is left out where nobody knows how many rows there are. Whoever counts calls `advance` after every
    batch; nothing runs beside the work.
    """

    def __init__(
        self,
        what: str,
        total: int,
        *,
        terminal: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin.

        Args:
            what: The work, as the line begins: "validate".
            total: The number of rows; 0 if it is not known.
            terminal: Where the bar goes if that is one; by default stderr.
            clock: The seconds since some time.
        """
        self._what, self._total, self._clock = what, total, clock
        out = sys.stderr if terminal is None else terminal
        self._terminal = out if out.isatty() else None
        self._bar: Any = None
        self._rows = 0
        self._began = self._told_at = clock()
        self._told_rows = 0
        self._wait = QUIET_SECONDS

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take the bar away, or tell the end of what was told before, unless it failed."""
        if self._bar is not None:
            self._bar.close()
        elif self._told_rows and kind is None:
            seconds = self._clock() - self._began
            log.info("%s: %s rows in %.0f s, %s", self._what, f"{self._rows:,}", seconds, _pace(self._rows, seconds))

    def advance(self, rows: int) -> None:
        """Count some rows, and tell if it is time to."""
        self._rows += rows
        if self._bar is not None:
            self._bar.update(rows)
            return
        now = self._clock()
        if now - self._told_at < self._wait:
            return
        if self._terminal is not None:
            self._bar = self._opened_bar(self._terminal)
            return
        seconds, since = now - self._told_at, self._rows - self._told_rows
        known = self._total >= self._rows
        of = f" of {self._total:,}" if known else ""
        left = f", about {_duration((self._total - self._rows) * seconds / since)} left" if known and since else ""
        log.info("%s: %s%s rows, %s%s", self._what, f"{self._rows:,}", of, _pace(since, seconds), left)
        self._told_at, self._told_rows, self._wait = now, self._rows, LINE_SECONDS

    def _opened_bar(self, terminal: TextIO) -> Any:
        from tqdm import tqdm

        return tqdm(
            desc=self._what,
            total=max(self._total, self._rows) or None,
            initial=self._rows,
            unit=" rows",
            unit_scale=True,
            file=terminal,
            leave=False,
            dynamic_ncols=True,
        )


def _pace(rows: int, seconds: float) -> str:
    return f"{rows / max(seconds, 1e-3):,.0f} rows/s"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
