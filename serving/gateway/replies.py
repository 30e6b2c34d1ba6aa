"""The one answer to a request, with its identifier, recorded in the log."""

from __future__ import annotations

import json
from collections.abc import Callable

from serving.gateway import request_log
from serving.gateway.headers import PAGE_SECURITY_LINES, SECURITY_LINES, request_id
from serving.http.exchange import JSON, Exchange

PAGE = b"text/html; charset=utf-8"


class Reply:
    """Answers a request, unless it is answered already or the client is gone.

    Args:
        exchange: The request.

    Attributes:
        request_id: The identifier of the request.
        asked_by: The name of the token that it came with; "-" for none.
        on_end: Called once the request is answered, or the client is gone.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._sent = (request_log.CLIENT_GONE, 0)
        self.request_id = request_id(exchange.headers)
        self.asked_by = "-"
        self.on_end: Callable[[], None] | None = None
        exchange.on_end = self._end

    def send(self, status: int, body: bytes, content_type: bytes = JSON, headers: bytes = b"") -> None:
        """Sends the answer.

        Args:
            status: The HTTP status.
            body: The body.
            content_type: The value of the Content-Type header.
            headers: More header lines, each with its line end.
        """
        self._send(status, body, content_type, headers + SECURITY_LINES)

    def page(self, status: int, body: bytes, content_type: bytes = PAGE, headers: bytes = b"") -> None:
        """Sends a page, or what a page loads; as `send`, but for what a browser may do with it."""
        self._send(status, body, content_type, headers + PAGE_SECURITY_LINES)

    def redirect(self, path: str, headers: bytes = b"") -> None:
        """Has the browser ask for another path of the gateway, with GET."""
        self.page(303, b"", headers=headers + b"Location: %b\r\n" % path.encode("ascii"))

    def _send(self, status: int, body: bytes, content_type: bytes, lines: bytes) -> None:
        if not self._exchange.answered:
            self._sent = (status, len(body))
            lines += b"X-Request-Id: %b\r\n" % self.request_id.encode("ascii")
            self._exchange.answer(status, body, content_type, lines)

    def error(self, status: int, text: str, *, headers: bytes = b"") -> None:
        """Sends an error in TensorFlow Serving's form, of which no model version is the author."""
        body = json.dumps({"error": text}, indent=4).encode()
        self.send(status, body, JSON, headers + b"X-Model-Version: unknown\r\n")

    def _end(self) -> None:
        on_end, self.on_end = self.on_end, None
        if on_end is not None:
            on_end()
        request_log.log(self._exchange, *self._sent, self.request_id, self.asked_by)
