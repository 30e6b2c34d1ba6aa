"""The log of requests. It holds no customers' data: no query, no header but the identifier, no body."""

from __future__ import annotations

import json
import logging
import time

from serving.http.exchange import Exchange

_log = logging.getLogger("serving.gateway.requests")
_LONGEST_PATH = 200
CLIENT_GONE = 499


def log(exchange: Exchange, status: int, size: int, request_id: str, asked_by: str) -> None:
    """Logs a request that is over.

    Args:
        exchange: The request.
        status: The HTTP status of the answer; 499 when the client hung up before it.
        size: The size of the answer's body in bytes.
        request_id: The identifier of the request.
        asked_by: The name of the token that it came with; "-" for none.
    """
    if _log.isEnabledFor(logging.INFO):
        milliseconds = (time.perf_counter() - exchange.started) * 1000
        path = exchange.target.partition("?")[0].partition("#")[0][:_LONGEST_PATH]
        # As JSON, so that nothing in a path begins a line of its own.
        _log.info(
            *("%s %s %d %d bytes %.1f ms %s %s", exchange.method, json.dumps(path), status, size, milliseconds),
            *(asked_by, request_id),
        )
