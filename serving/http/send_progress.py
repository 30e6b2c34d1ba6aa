"""Whether a client takes in what is sent to it."""

from __future__ import annotations


class SendProgress:
    """Watches how many bytes of answers are still to be sent.

    Args:
        now: a moment, in seconds on any clock; the later ones are on the same.
    """

    def __init__(self, now: float) -> None:
        self._unsent = 0
        self._moved_at = now

    def stuck_for(self, unsent: int, now: float) -> float:
        """For how many seconds a client has taken in nothing, as seen at each call of this."""
        if unsent != self._unsent or not unsent:
            self._unsent, self._moved_at = unsent, now
        return now - self._moved_at
