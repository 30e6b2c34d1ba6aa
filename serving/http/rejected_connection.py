"""The answer to a client that connects when as many connections are open as a server allows."""

from __future__ import annotations

import asyncio
from typing import cast

from serving.http.exchange import JSON, response_head
from serving.http.shared import SharedState


class RejectedConnection(asyncio.Protocol):
    """A connection that is answered with 503 and closed, without waiting for a request.

    Args:
        shared: the state that all connections share.
    """

    def __init__(self, shared: SharedState) -> None:
        self._shared = shared

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        body = b'{\n    "error": "%d connections are open already. Try again."\n}' % self._shared.most_connections
        lines = self._shared.date_line() + b"Retry-After: 1\r\n"
        open_for_writing = cast(asyncio.Transport, transport)
        open_for_writing.write(response_head(503, JSON, len(body), lines, keep_alive=False) + body)
        open_for_writing.close()
