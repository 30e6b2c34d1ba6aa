"""Requests of one connection that wait for the answers before theirs."""

from __future__ import annotations

from collections import deque

from serving.http.exchange import Exchange
from serving.http.request_reader import Refusal

_MOST_REQUESTS = 16


class RequestQueue:
    """Requests in the order in which they came.

    Args:
        most_bytes: how large their bodies should be at most, in bytes.

    Attributes:
        waiting: each request, with what is to be answered if it is refused.
        body_bytes: the size of their bodies.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self.waiting: deque[tuple[Exchange, Refusal | None]] = deque()
        self.body_bytes = 0

    def put(self, exchange: Exchange, refusal: Refusal | None = None) -> None:
        """Adds a request at the end."""
        self.waiting.append((exchange, refusal))
        self.body_bytes += len(exchange.body)

    def next(self) -> tuple[Exchange, Refusal | None]:
        """Removes the first request and returns it."""
        exchange, refusal = self.waiting.popleft()
        self.body_bytes -= len(exchange.body)
        return exchange, refusal

    def clear(self) -> None:
        """Forgets all of them."""
        self.waiting.clear()
        self.body_bytes = 0

    def is_fuller_than(self, share: float) -> bool:
        """Whether there are more of them than a share of what one connection may have waiting."""
        return len(self.waiting) > _MOST_REQUESTS * share or self.body_bytes > self._most_bytes * share
