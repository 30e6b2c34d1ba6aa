"""One HTTP/1.1 connection: bytes in, requests out; answers in, bytes out.

uvicorn would do, but half of a small prediction's time would go into its per-request tasks and queues; and it leaves
open what a server without a proxy before it must settle: how long a request may take to arrive, how large it may be,
and what becomes of a client that sends on after it was refused. The parsing is llhttp's (through httptools).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import httptools

from serving.exchange import HTML, JSON, Exchange, error_page, response_head
from serving.memory import LARGE_BYTES

if TYPE_CHECKING:
    from serving.http_server import HttpServer

_PIPELINED = 16


class _RefusedError(Exception):
    """Stops the parser; the refusal is queued already."""


class Connection(asyncio.Protocol):
    """A client's connection. Requests are answered in the order they came.

    Attributes:
        receiving_since: when the request that is still arriving began, on the loop's clock; None between requests.
        quiet_since: when the last thing happened.
        draining: everything is said; what still arrives is thrown away until the client hangs up.
        current: the request that is being worked on.
    """

    def __init__(self, server: HttpServer, handle: Callable[[Exchange], None]) -> None:
        self._server = server
        self._handle = handle
        self._limits = server.limits
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._queue: deque[tuple[Exchange, bool, tuple[int, bytes, bytes] | None]] = deque()
        self._keep_alive = True
        self._last = False  # nothing more is read as a request
        self._pumping = False
        self._writable = True
        self._reading = True
        self.current: Exchange | None = None
        self.receiving_since: float | None = None
        self.quiet_since = server.now()
        self.draining = False
        self._reset()

    def _reset(self) -> None:
        self._target = b""
        self._header_bytes = 0
        self._encoding: bytes | None = None
        self._chunked = b""
        self._expects = False
        self._length = 0
        self._body: list[bytes] = []
        self._body_bytes = 0

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's protocol
        """Called by the event loop; an answer that is still being computed has nobody to go to."""
        self._server.connections.discard(self)
        self._transport = None
        self._queue.clear()
        self._let_go()
        if self.current is not None:
            self._server.trim_soon |= self.current.large
            self.current.give_up()

    def eof_received(self) -> bool:
        """Called by the event loop; a client may close its side and still wait for answers."""
        self._last = True
        return self.current is not None or bool(self._queue)

    def pause_writing(self) -> None:
        """Called by the event loop; the client does not read, so nothing more is computed for it."""
        self._writable = False

    def resume_writing(self) -> None:
        """Called by the event loop."""
        self._writable = True
        self._pump()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self._last or self.draining:
            return
        rest = memoryview(data)
        try:
            while True:
                try:
                    self._parser.feed_data(rest)
                    return
                except httptools.HttpParserUpgrade as upgrade:
                    rest = rest[upgrade.args[0] :]
                    self._read_without_upgrade()
        except (httptools.HttpParserCallbackError, _RefusedError):
            pass
        except httptools.HttpParserInvalidMethodError:
            self.refuse(501, error_page(501), HTML)
        except httptools.HttpParserError:
            self.refuse(400, error_page(400), HTML)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._reset()
        self.receiving_since = self._server.now()

    def on_url(self, part: bytes) -> None:
        """Called by the parser, perhaps more than once for a long target."""
        self._target += part
        self._count_header(len(part))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        self._count_header(len(name) + len(value))
        size = len(name)
        if size == 16 and name.lower() == b"content-encoding":
            if self._encoding is None:  # the first one counts
                self._encoding = value
        elif size == 14 and name.lower() == b"content-length":
            self._length = int(value)
        elif size == 17 and name.lower() == b"transfer-encoding":
            self._chunked = value
        elif size == 6 and name.lower() == b"expect":
            self._expects = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        if self._length > self._limits.body_bytes:
            self._refuse_body()
        if self._parser.should_upgrade():
            return
        if self._expects and self._transport is not None and not self._queue and self.current is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        """Called by the parser."""
        self._body.append(part)
        self._body_bytes += len(part)
        if self._body_bytes > self._limits.body_bytes:
            self._refuse_body()

    def on_message_complete(self) -> None:
        """Called by the parser: the request is there."""
        if self._parser.should_upgrade() and self._parser.get_method() != b"CONNECT":
            return  # llhttp skipped the body; see _read_without_upgrade
        self.receiving_since = None
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        exchange = Exchange(
            self,
            self._parser.get_method().decode("ascii"),
            self._target.decode("latin-1"),
            gzipped=self._encoding is not None and b"gzip" in self._encoding,
            body=body,
        )
        self._body = []
        keep = self._parser.should_keep_alive() and not self._parser.should_upgrade()  # nothing follows a CONNECT
        self._queue.append((exchange, keep, None))
        if len(self._queue) > _PIPELINED and self._reading and self._transport is not None:
            self._transport.pause_reading()
            self._reading = False
        self._pump()

    # What becomes of requests.

    def refuse(self, status: int, body: bytes, kind: bytes = JSON) -> None:
        """Answers what is not worth reading to its end, after the requests before it, and closes."""
        if self._last:
            return
        self._last = True
        self.receiving_since = None
        self._let_go()
        refused = Exchange(self, "GET", "", gzipped=False, body=b"")
        self._queue.append((refused, False, (status, body, kind)))
        self._pump()

    def send(self, exchange: Exchange, status: int, body: bytes, kind: bytes, headers: bytes) -> None:
        """Writes the answer to the current request; `Exchange.answer` calls it."""
        if self._transport is None or exchange is not self.current:
            return
        keep = self._keep_alive and not self._last and not self._server.stopping
        lines = self._server.date_line() + (headers if keep else headers + b"Connection: close\r\n")
        head = response_head(status, kind, len(body), lines)
        self._server.trim_soon |= exchange.large
        self._transport.write(head if exchange.method == "HEAD" else head + body)
        self.current = None
        self.quiet_since = self._server.now()
        if keep:
            self._pump()
        else:
            self._finish()

    def _pump(self) -> None:
        if self._pumping:
            return  # an answer that came at once: the loop below goes on
        self._pumping = True
        try:
            while self._queue and self.current is None and self._writable and not self.draining:
                exchange, self._keep_alive, refusal = self._queue.popleft()
                self.current = exchange
                if refusal is None:
                    self._handle(exchange)
                else:
                    exchange.answer(*refusal)
        finally:
            self._pumping = False
        if not self._reading and len(self._queue) <= _PIPELINED // 2 and self._transport is not None:
            self._transport.resume_reading()
            self._reading = True

    def _finish(self) -> None:
        """Closes so that the answer arrives: a client that is still sending would see a reset instead."""
        self._last = True
        self.draining = True
        if self._transport is None:
            return
        try:
            self._transport.write_eof()
        except OSError:  # the client has hung up already
            self._transport.close()
            return
        if not self._reading:
            self._transport.resume_reading()
            self._reading = True

    def _read_without_upgrade(self) -> None:
        """Reads the head again as if it asked for no other protocol: llhttp would take the body for that protocol's."""
        method = self._parser.get_method()
        if method == b"CONNECT":
            self._last = True
            raise _RefusedError
        lines = [b"%b %b HTTP/%b" % (method, self._target, self._parser.get_http_version().encode("ascii"))]
        lines.append(b"Connection: keep-alive" if self._parser.should_keep_alive() else b"Connection: close")
        lines.append(b"Transfer-Encoding: " + self._chunked if self._chunked else b"Content-Length: %d" % self._length)
        if self._encoding is not None:
            lines.append(b"Content-Encoding: " + self._encoding)
        if self._expects:
            lines.append(b"Expect: 100-continue")
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(b"\r\n".join([*lines, b"", b""]))

    def close(self) -> None:
        """Hangs up."""
        if self._transport is not None:
            self._transport.close()

    def _let_go(self) -> None:
        """Drops what had arrived of a body."""
        self._server.trim_soon |= self._body_bytes > LARGE_BYTES
        self._body, self._body_bytes = [], 0

    def _count_header(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > self._limits.header_bytes:
            self.refuse(431, error_page(431), HTML)
            raise _RefusedError

    def _refuse_body(self) -> None:
        self.refuse(413, self._limits.too_large())
        raise _RefusedError
