"""The pipelined requests of a connection."""

from __future__ import annotations

from collections import deque

from serving.http.exchange import Exchange
from serving.http.request_reader import Refusal

_MOST_REQUESTS = 16


class RequestQueue:
    """Requests that wait for the answers to those before them, in the order in which they came.

    Args:
        most_bytes: how large all their bodies together should be at most.

    Attributes:
        waiting: the requests, each with its answer if it is refused.
        body_bytes: how large all their bodies together are.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self.waiting: deque[tuple[Exchange, Refusal | None]] = deque()
        self.body_bytes = 0

    def put(self, exchange: Exchange, refusal: Refusal | None = None) -> None:
        """Appends a request."""
        self.waiting.append((exchange, refusal))
        self.body_bytes += len(exchange.body)

    def next(self) -> tuple[Exchange, Refusal | None]:
        """Removes the first request and returns it."""
        exchange, refusal = self.waiting.popleft()
        self.body_bytes -= len(exchange.body)
        return exchange, refusal

    def clear(self) -> None:
        """Discards all requests."""
        self.waiting.clear()
        self.body_bytes = 0

    def is_fuller_than(self, share: float) -> bool:
        """Whether there are more requests than a share of what may wait on one connection."""
        return len(self.waiting) > _MOST_REQUESTS * share or self.body_bytes > self._most_bytes * share
