"""Detects clients that do not read what is sent to them."""

from __future__ import annotations


class WriteStall:
    """Observes how many bytes of answers are still to be sent on a connection.

    Args:
        now: the time in seconds, on the clock of all later calls.
    """

    def __init__(self, now: float) -> None:
        self._unsent = 0
        self._moved_at = now

    def stalled_seconds(self, unsent: int, now: float) -> float:
        """For how many seconds the client has read nothing, observed at each call.

        Args:
            unsent: how many bytes are still to be sent.
            now: the time in seconds.
        """
        if unsent != self._unsent or not unsent:
            self._unsent, self._moved_at = unsent, now
        return now - self._moved_at
