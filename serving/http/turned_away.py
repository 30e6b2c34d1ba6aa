"""What a client gets that connects when there are as many connections as the server takes on."""

from __future__ import annotations

import asyncio
from typing import cast

from serving.http.exchange import JSON, response_head
from serving.http.shared import Shared


class TurnedAway(asyncio.Protocol):
    """A connection that is answered before there is a request, and closed without waiting for one."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        body = b'{\n    "error": "%d connections are open already. Try again."\n}' % self._shared.most_connections
        lines = self._shared.date_line() + b"Retry-After: 1\r\n"
        open_for_writing = cast(asyncio.Transport, transport)
        open_for_writing.write(response_head(503, JSON, len(body), lines, keep=False) + body)
        open_for_writing.close()
