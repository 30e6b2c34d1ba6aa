"""What the server and all its connections know together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from email.utils import formatdate

from serving.http.limits import Limits


class Shared:
    """Belongs to the event loop's thread.

    Attributes:
        limits: what is taken on at most.
        stopping: whether no more requests are wanted.
        trim_soon: whether a large body was let go of.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.stopping = False
        self.trim_soon = False
        self._loop = asyncio.get_running_loop()
        self._date = (0, b"")

    def call_soon(self, call: Callable[[], None]) -> None:
        """Has something done in the loop's next turn."""
        self._loop.call_soon(call)

    def now(self) -> float:
        """The loop's clock, in seconds."""
        return self._loop.time()

    def date_line(self) -> bytes:
        """The Date header of this second."""
        second = int(time.time())
        if self._date[0] != second:
            self._date = (second, f"Date: {formatdate(second, usegmt=True)}\r\n".encode("ascii"))
        return self._date[1]
