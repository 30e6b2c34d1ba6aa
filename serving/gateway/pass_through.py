"""TensorFlow Serving's REST API, passed on to the server behind: bytes and status stay as they are."""

from __future__ import annotations

import asyncio

from serving.gateway import headers
from serving.gateway.body_depth import check_in_steps, is_flat
from serving.gateway.passage import Behind, Passage
from serving.gateway.replies import Reply
from serving.http.exchange import Exchange

_LARGEST_BODIES = 16
"""How many of the largest bodies may be held at once, before more requests get 503."""


class PassThrough:
    """Passes requests on. It belongs to the event loop's thread.

    Args:
        behind: Where they go.
    """

    def __init__(self, behind: Behind) -> None:
        self._behind = behind
        self._requests = 0
        self._held_bytes = 0
        self._checks: set[asyncio.Task[None]] = set()

    def answer(self, exchange: Exchange, target: str, reply: Reply) -> None:
        """Answers a request, later.

        Args:
            exchange: The request.
            target: Its target without scheme and host.
            reply: Sends the answer.
        """
        limits = self._behind.limits
        size = len(exchange.body)
        is_full = size and self._held_bytes + size > _LARGEST_BODIES * limits.body_bytes
        if is_full or self._requests >= limits.requests:
            reply.error(503, "Too many requests are in work. Try again.", headers=b"Retry-After: 1\r\n")
            return
        self._requests += 1
        self._held_bytes += size
        passage = Passage(self._behind, exchange, target, reply)

        def end() -> None:
            self._requests -= 1
            self._held_bytes -= size
            passage.end()

        reply.on_end = end
        exchange.on_expire = passage.expire
        gzipped = headers.says_gzip(exchange.headers)
        if not gzipped and is_flat(exchange.body):
            passage.send()
            return
        steps = check_in_steps(exchange.body, gzipped=gzipped, most_bytes=limits.body_bytes)
        task = asyncio.get_running_loop().create_task(passage.check(steps))
        self._checks.add(task)
        task.add_done_callback(self._checks.discard)
