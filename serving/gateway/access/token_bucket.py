"""A limit on how often something happens: a token bucket."""

from __future__ import annotations


class TokenBucket:
    """Lets a burst pass, and in the long run so many a second.

    Args:
        per_second: How many pass in a second in the long run.
        burst: How many pass at once after a pause.
        now: The time in seconds, on the clock of all later calls.
    """

    def __init__(self, per_second: float, burst: int, now: float) -> None:
        self.per_second = per_second
        self.burst = burst
        self._left = float(burst)
        self._at = now

    def wait_seconds(self, now: float) -> float:
        """Takes one and returns 0; or takes none and returns after how many seconds there is one."""
        self._left = min(self._left + (now - self._at) * self.per_second, float(self.burst))
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / self.per_second
