"""The state that a server and all its connections share."""

from __future__ import annotations

import asyncio
import resource
import time
from collections import deque
from collections.abc import Callable
from email.utils import formatdate

from serving.http.exchange import Exchange
from serving.http.limits import Limits

_OTHER_DESCRIPTORS = 64
"""File descriptors that are left for models, logs and the event loop."""


class SharedState:
    """The state of a server. It belongs to the event loop's thread.

    Attributes:
        limits: the limits of the server.
        keep_headers: whether requests come with all their header fields.
        wants_body: says by its header whether a request with a large body is wanted; None if all are.
        most_connections: how many connections may be open.
        now: the loop's clock, in seconds.
        stopping: whether the server is about to stop and takes no more requests.
        trim_is_due: whether a large body was freed whose memory the system has not got back yet.
    """

    def __init__(
        self, limits: Limits, *, keep_headers: bool = False, wants_body: Callable[[Exchange], bool] | None = None
    ) -> None:
        self.limits = limits
        self.keep_headers = keep_headers
        self.wants_body = wants_body
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.most_connections = min(limits.connections, max(descriptors - _OTHER_DESCRIPTORS, 1))
        self.stopping = False
        self.trim_is_due = False
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        self._turns: deque[Callable[[], None]] = deque()
        self._date = (0, b"")

    @property
    def is_busy(self) -> bool:
        """Whether connections wait for their turns."""
        return bool(self._turns)

    def ask_for_turn(self, take_turn: Callable[[], None]) -> None:
        """Has `take_turn` called after those that asked before it, one in each round of the event loop."""
        self._turns.append(take_turn)
        if len(self._turns) == 1:
            self._loop.call_soon(self._give_turn)

    def _give_turn(self) -> None:
        take_turn = self._turns.popleft()
        if self._turns:
            self._loop.call_soon(self._give_turn)
        take_turn()

    def date_line(self) -> bytes:
        """The Date header line of this second, with its line end."""
        second = int(time.time())
        if self._date[0] != second:
            self._date = (second, f"Date: {formatdate(second, usegmt=True)}\r\n".encode("ascii"))
        return self._date[1]
