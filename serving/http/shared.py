"""What the server and all its connections know together."""

from __future__ import annotations

import asyncio
import resource
import time
from collections import deque
from collections.abc import Callable
from email.utils import formatdate

from serving.http.limits import Limits

_OTHER_DESCRIPTORS = 64
"""For the files of a model, the log and the event loop. Without any the system's answer to a client is a reset."""


class Shared:
    """Belongs to the event loop's thread.

    Attributes:
        limits: what is taken on at most.
        most_connections: how many of them may be open.
        now: the loop's clock, in seconds.
        stopping: whether no more requests are wanted.
        trim_soon: whether a large body was let go of.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.most_connections = min(limits.connections, max(descriptors - _OTHER_DESCRIPTORS, 1))
        self.stopping = False
        self.trim_soon = False
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        self._turns: deque[Callable[[], None]] = deque()
        self._date = (0, b"")

    @property
    def is_busy(self) -> bool:
        """Whether a connection waits for its turn."""
        return bool(self._turns)

    def ask_for_turn(self, take_turn: Callable[[], None]) -> None:
        """Has a connection go on with what takes long: one of them in each round of the event loop."""
        self._turns.append(take_turn)
        if len(self._turns) == 1:
            self._loop.call_soon(self._give_turn)

    def _give_turn(self) -> None:
        take_turn = self._turns.popleft()
        if self._turns:
            self._loop.call_soon(self._give_turn)
        take_turn()

    def date_line(self) -> bytes:
        """The Date header of this second."""
        second = int(time.time())
        if self._date[0] != second:
            self._date = (second, f"Date: {formatdate(second, usegmt=True)}\r\n".encode("ascii"))
        return self._date[1]
