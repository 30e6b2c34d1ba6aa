"""Finds the requests in the bytes of one connection. The parsing is llhttp's (through httptools).

llhttp passes on a field of a head once its line is complete, and until then httptools copies together what has come of
it; of white space, empty lines and chunk extensions it says nothing at all. So besides what the parser tells of, the
bytes that are fed to it are counted from one thing that it tells of to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import httptools

from serving.http.exchange import HTML, JSON, Exchange, Sender, error_page
from serving.http.limits import Limits

Refusal = tuple[int, bytes, bytes]
"""Status, body and content type for what is not worth reading to its end."""


_FRAMING = 8
"""Bytes that may arrive for each byte of a chunked body; a chunk of one byte takes six."""

_MOST_PARTS = 1000


class Receiver(Sender, Protocol):
    """Who is told of what was read, and sends the answers."""

    def take(self, exchange: Exchange) -> None:
        """A request is there; unless it keeps the connection, it is the last one."""
        ...

    def waits_to_go_on(self) -> None:
        """A client wants to hear "100 Continue" before it sends its body."""
        ...


class _RefusedError(Exception):
    """Stops the parser; what to answer is in `RequestReader._refusal`."""


class RequestReader:
    """Reads requests, one after the other.

    Attributes:
        since: when the request that is still arriving began, on the given clock; None between requests.
        body_bytes: how much has arrived of its body.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float], receiver: Receiver) -> None:
        self._limits = limits
        self._clock = clock
        self._receiver = receiver
        self._parser = httptools.HttpRequestParser(self)
        self._refusal: Refusal | None = None
        # Line ends, colons and white space arrive besides the names and values that `header_bytes` limits.
        self._line_bytes = 2 * limits.header_bytes
        self.since: float | None = None
        self._reset()

    def _reset(self) -> None:
        self._arrived = 0
        self._target = b""
        self._header_bytes = 0
        self._in_head = True
        self._encoding: bytes | None = None
        self._origin: bytes | None = None
        self._chunked = b""
        self._expects = False
        self._length = 0
        self._parts: list[bytes | bytearray] = []
        self.body_bytes = 0

    @property
    def body_bytes_to_come(self) -> int:
        """How many bytes, if any come, belong to the body for certain; 0 when its length was not announced."""
        return 0 if self.since is None or self._in_head else self._length - self.body_bytes

    def feed(self, data: bytes | memoryview) -> Refusal | None:
        """Reads on. With a refusal it is over: nothing more may be fed.

        Args:
            data: what arrived; but for a body some kilobytes at most, as what has no end is noticed behind them only.
        """
        rest = memoryview(data)
        self._arrived += len(data)
        try:
            while True:
                try:
                    self._parser.feed_data(rest)
                    return self._look_at_what_arrived() if self._arrived > self._line_bytes else None
                except httptools.HttpParserUpgrade as upgrade:
                    rest = rest[upgrade.args[0] :]
                    if self._parser.get_method() == b"CONNECT":
                        return None  # nothing follows it; `take` was told so
                    self._read_without_upgrade()
        except httptools.HttpParserCallbackError:
            if self._refusal is None:
                raise
            return self._refusal
        except httptools.HttpParserInvalidMethodError:
            return 501, error_page(501), HTML
        except httptools.HttpParserError:
            return 400, error_page(400), HTML

    def drop(self) -> None:
        """Lets go of what has arrived of a request."""
        self.since = None
        self._arrived = 0
        self._parts, self.body_bytes = [], 0

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._reset()
        self.since = self._clock()

    def on_url(self, part: bytes) -> None:
        """Called by the parser, perhaps more than once for a long target."""
        self._target += part
        self._count_header(len(part))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, also for the fields behind a chunked body, which say nothing here."""
        size = len(name)
        self._count_header(size + len(value))
        if not self._in_head:
            return
        if size == 16 and name.lower() == b"content-encoding":
            if self._encoding is None:  # the first one counts
                self._encoding = value
        elif size == 14 and name.lower() == b"content-length":
            try:
                self._length = int(value)
            except ValueError:  # thousands of zeros before it
                self._refuse(400, error_page(400), HTML)
        elif size == 17 and name.lower() == b"transfer-encoding":
            self._chunked = value
        elif size == 6:
            name = name.lower()
            if name == b"expect":
                self._expects = value.lower() == b"100-continue"
            elif name == b"origin" and self._origin is None:
                self._origin = value

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._in_head = False
        self._arrived = self._told_at = 0
        if self._length > self._limits.body_bytes:
            self._refuse(413, self._limits.too_large(), JSON)
        has_body = self._length > 0 or bool(self._chunked)
        if self._expects and has_body and not self._parser.should_upgrade() and not self._is_old():
            self._receiver.waits_to_go_on()

    def on_body(self, part: bytes) -> None:
        """Called by the parser."""
        self._parts.append(part)
        self.body_bytes += len(part)
        self._told_at = self._arrived
        if self.body_bytes > self._limits.body_bytes:
            self._refuse(413, self._limits.too_large(), JSON)

    def on_message_complete(self) -> None:
        """Called by the parser: the request is there."""
        parser = self._parser
        method = parser.get_method()
        upgrades = parser.should_upgrade()
        if upgrades and method != b"CONNECT":
            return  # llhttp skipped the body; see _read_without_upgrade
        body = b"".join(self._parts)
        self.drop()
        exchange = Exchange(
            self._receiver,
            method.decode("ascii"),
            self._target.decode("latin-1"),
            gzipped=self._encoding is not None and b"gzip" in self._encoding,
            origin=self._origin or b"",
            body=body,
            keep=parser.should_keep_alive() and not upgrades,  # nothing follows a CONNECT
            old=self._is_old(),
        )
        self._receiver.take(exchange)

    def _is_old(self) -> bool:
        return bool(self._parser.get_http_version() == "1.0")

    def _read_without_upgrade(self) -> None:
        """Reads the head again as if it asked for no other protocol: llhttp would take the body for that protocol's."""
        parser = self._parser
        lines = [b"%b %b HTTP/%b" % (parser.get_method(), self._target, parser.get_http_version().encode("ascii"))]
        lines.append(b"Connection: keep-alive" if parser.should_keep_alive() else b"Connection: close")
        lines.append(b"Transfer-Encoding: " + self._chunked if self._chunked else b"Content-Length: %d" % self._length)
        if self._encoding is not None:
            lines.append(b"Content-Encoding: " + self._encoding)
        if self._origin is not None:
            lines.append(b"Origin: " + self._origin)
        if self._expects:
            lines.append(b"Expect: 100-continue")
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(b"\r\n".join([*lines, b"", b""]))

    def _count_header(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > self._limits.header_bytes:
            self._refuse(431, error_page(431), HTML)

    def _look_at_what_arrived(self) -> Refusal | None:
        """What is answered when much more arrived than the parser told of."""
        if self.since is None or self._in_head:
            status = 400 if self.since is None else 431
            return status, error_page(status), HTML
        told = _FRAMING * self.body_bytes + self._line_bytes
        if self._arrived - self._told_at > self._line_bytes or self._arrived > told:
            return 400, error_page(400), HTML
        if len(self._parts) > _MOST_PARTS:  # each takes many times the few bytes it holds
            first, *rest = self._parts
            whole = first if isinstance(first, bytearray) else bytearray(first)
            whole += b"".join(rest)
            self._parts = [whole]
        return None

    def _refuse(self, status: int, body: bytes, kind: bytes) -> None:
        self._refusal = status, body, kind
        raise _RefusedError
