"""The bytes of a connection between its socket and its parser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_NOTHING = memoryview(b"")


class ReceiveBuffer:
    """What a client has sent and what is not parsed yet. While the socket is not read, TCP makes the client wait.

    Args:
        clock: the event loop's clock, in seconds.

    Attributes:
        unparsed: the bytes, in the order in which they came.
        is_paused: whether the socket is not read.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._paused_at = self._paused_seconds = 0.0
        self.unparsed = _NOTHING
        self.is_paused = False

    def put(self, data: bytes) -> None:
        """Appends bytes."""
        self.unparsed = memoryview(bytes(self.unparsed) + data if self.unparsed else data)

    def take(self, most: int) -> memoryview:
        """Removes bytes from the front and returns them, `most` at most."""
        taken, self.unparsed = self.unparsed[:most], self.unparsed[most:]
        return taken

    def clear(self) -> None:
        """Discards everything."""
        self.unparsed = _NOTHING

    def set_paused(self, transport: asyncio.Transport, paused: bool) -> None:
        """Stops or resumes reading the socket."""
        if paused and not self.is_paused:
            transport.pause_reading()
            self._paused_at = self._clock()
        elif self.is_paused and not paused:
            transport.resume_reading()
            self._paused_seconds += self._clock() - self._paused_at
        self.is_paused = paused

    def reading_seconds(self) -> float:
        """A clock in seconds that stands still while the socket is not read."""
        return (self._paused_at if self.is_paused else self._clock()) - self._paused_seconds
