"""Finds the requests in the bytes of a connection. llhttp parses them, through httptools.

httptools reports a header field when its line is complete, and copies what has arrived of it together until then. It
reports nothing at all about white space, empty lines and chunk extensions. A limit on what it reports is therefore
no limit on what a client sends: the bytes that arrive are counted too, from one report to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import httptools

from serving.http.exchange import HTML, JSON, Exchange, Sender, error_page
from serving.http.limits import Limits

Refusal = tuple[int, bytes, bytes]
"""Status, body and content type of the answer to a request that is not read to its end."""

_MOST_FRAMING = 8
"""How many bytes may arrive for each byte of a chunked body; a chunk of one byte takes six."""
_MOST_PARTS = 1000
_SMALL_BYTES = 64 << 10
"""How large a body may be that is read without asking whether it is wanted."""
_READ_AGAIN = frozenset(
    (b"connection", b"upgrade", b"transfer-encoding", b"content-length", b"content-encoding", b"origin", b"expect")
)
"""The fields that are written anew, or left out, when a header is read again without its Upgrade field."""


class Receiver(Sender, Protocol):
    """Takes the requests that were read, and sends the answers to them."""

    def take(self, exchange: Exchange) -> None:
        """Called for each complete request. A request that does not keep the connection alive is the last one."""
        ...

    def expect_continue(self) -> None:
        """Called when a client waits for "100 Continue" before it sends a body (RFC 9110, section 10.1.1)."""
        ...


class _RefusedError(Exception):
    """Stops the parser; the answer is in `RequestReader._refusal`."""


class RequestReader:
    """Reads the requests of a connection, one after the other.

    Args:
        limits: how large a request may be.
        clock: the time in seconds.
        receiver: takes the requests.
        keep_headers: whether an exchange is given all header fields; most servers need four of them only.
        wants_body: asked about a request with a large body when its header has come; if it says no, the request is
            taken without its body, and as the last one. None for a server that wants them all.

    Attributes:
        began_at: when the request that is still arriving began, on the clock; None between requests.
        body_bytes: how many bytes of its body have arrived.
    """

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float],
        receiver: Receiver,
        *,
        keep_headers: bool = False,
        wants_body: Callable[[Exchange], bool] | None = None,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._receiver = receiver
        self._keep_headers = keep_headers
        self._wants_body = wants_body
        self._parser = httptools.HttpRequestParser(self)
        self._refusal: Refusal | None = None
        self._left_body_out = False
        # Besides the names and values that `header_bytes` limits, line ends, colons and white space arrive.
        self._most_arriving = 2 * limits.header_bytes
        self.began_at: float | None = None
        self._reset()

    def _reset(self) -> None:
        self._arrived = 0
        self._target = b""
        self._header_bytes = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._in_head = True
        self._content_encoding: bytes | None = None
        self._origin: bytes | None = None
        self._transfer_encoding = b""
        self._expects_continue = False
        self._content_length = 0
        self._body_parts: list[bytes | bytearray] = []
        self.body_bytes = 0

    @property
    def body_bytes_to_come(self) -> int:
        """How many of the next bytes can only belong to the body; 0 for a chunked body."""
        return 0 if self.began_at is None or self._in_head else self._content_length - self.body_bytes

    def feed(self, data: bytes | memoryview) -> Refusal | None:
        """Reads on.

        Args:
            data: the bytes that arrived next. Limits are checked after all of them were parsed, so there should be no
                more than some kilobytes, except for the body of a request.

        Returns:
            The answer to a request that is refused, after which nothing more may be fed; None otherwise.
        """
        rest = memoryview(data)
        self._arrived += len(data)
        try:
            while True:
                try:
                    self._parser.feed_data(rest)
                    return self._check_arrived() if self._arrived > self._most_arriving else None
                except httptools.HttpParserUpgrade as upgrade:
                    rest = rest[upgrade.args[0] :]
                    if self._parser.get_method() == b"CONNECT":
                        return None  # nothing follows it, and `take` was told so
                    self._read_without_upgrade()
        except httptools.HttpParserCallbackError:
            if self._refusal is None and not self._left_body_out:
                raise
            return self._refusal
        except httptools.HttpParserInvalidMethodError:
            return 501, error_page(501), HTML
        except httptools.HttpParserError:
            return 400, error_page(400), HTML

    def discard(self) -> None:
        """Frees what has arrived of an incomplete request."""
        self.began_at = None
        self._arrived = 0
        self._body_parts, self.body_bytes = [], 0

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Called by the parser at the first byte of a request."""
        self._reset()
        self.began_at = self._clock()

    def on_url(self, part: bytes) -> None:
        """Called by the parser for each part of the request target."""
        self._target += part
        self._count_header(len(part))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser for each header field, and for each trailer field, which is ignored."""
        size = len(name)
        self._count_header(size + len(value))
        if not self._in_head:
            return
        if self._keep_headers:
            self._headers.append((name, value))
        if size == 16 and name.lower() == b"content-encoding":
            if self._content_encoding is None:  # the first one counts
                self._content_encoding = value
        elif size == 14 and name.lower() == b"content-length":
            try:
                self._content_length = int(value)
            except ValueError:  # int() takes 4,300 digits; llhttp checks that the number fits 64 bits
                self._refuse(400, error_page(400), HTML)
        elif size == 17 and name.lower() == b"transfer-encoding":
            self._transfer_encoding = value
        elif size == 6:
            name = name.lower()
            if name == b"expect":
                self._expects_continue = value.lower() == b"100-continue"
            elif name == b"origin" and self._origin is None:
                self._origin = value

    def on_headers_complete(self) -> None:
        """Called by the parser after the header."""
        self._in_head = False
        self._arrived = self._arrived_at_body = 0
        if self._content_length > self._limits.body_bytes:
            self._refuse(413, self._limits.body_too_large(), JSON)
        has_body = self._content_length > 0 or bool(self._transfer_encoding)
        if not has_body or self._parser.should_upgrade():
            return
        if self._wants_body is not None and (self._content_length > _SMALL_BYTES or self._transfer_encoding):
            self._check_wanted(self._wants_body)
        if self._expects_continue and not self._is_http_1_0():
            self._receiver.expect_continue()

    def _check_wanted(self, wants_body: Callable[[Exchange], bool]) -> None:
        exchange = self._exchange(b"", keep_alive=False)
        if not wants_body(exchange):
            exchange.body_left_out = self._left_body_out = True
            self.discard()
            self._receiver.take(exchange)
            raise _RefusedError

    def on_body(self, part: bytes) -> None:
        """Called by the parser for each part of the body."""
        self._body_parts.append(part)
        self.body_bytes += len(part)
        self._arrived_at_body = self._arrived
        if self.body_bytes > self._limits.body_bytes:
            self._refuse(413, self._limits.body_too_large(), JSON)

    def on_message_complete(self) -> None:
        """Called by the parser at the end of a request."""
        parser = self._parser
        method = parser.get_method()
        upgrades = parser.should_upgrade()
        if upgrades and method != b"CONNECT":
            return  # llhttp skipped the body; see _read_without_upgrade
        body = b"".join(self._body_parts)
        self.discard()
        # Nothing follows a CONNECT.
        self._receiver.take(self._exchange(body, keep_alive=parser.should_keep_alive() and not upgrades))

    def _exchange(self, body: bytes, *, keep_alive: bool) -> Exchange:
        return Exchange(
            self._receiver,
            self._parser.get_method().decode("ascii"),
            self._target.decode("latin-1"),
            gzipped=self._content_encoding is not None and b"gzip" in self._content_encoding,
            origin=self._origin or b"",
            headers=self._headers,
            body=body,
            keep_alive=keep_alive,
            is_http_1_0=self._is_http_1_0(),
        )

    def _is_http_1_0(self) -> bool:
        return bool(self._parser.get_http_version() == "1.0")

    def _read_without_upgrade(self) -> None:
        """Reads the header again without its Upgrade field, as llhttp would hand the body to the other protocol."""
        parser = self._parser
        lines = [b"%b %b HTTP/%b" % (parser.get_method(), self._target, parser.get_http_version().encode("ascii"))]
        lines.append(b"Connection: keep-alive" if parser.should_keep_alive() else b"Connection: close")
        if self._transfer_encoding:
            lines.append(b"Transfer-Encoding: " + self._transfer_encoding)
        else:
            lines.append(b"Content-Length: %d" % self._content_length)
        if self._content_encoding is not None:
            lines.append(b"Content-Encoding: " + self._content_encoding)
        if self._origin is not None:
            lines.append(b"Origin: " + self._origin)
        if self._expects_continue:
            lines.append(b"Expect: 100-continue")
        lines += [b"%b: %b" % field for field in self._headers if field[0].lower() not in _READ_AGAIN]
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(b"\r\n".join([*lines, b"", b""]))

    def _count_header(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > self._limits.header_bytes:
            self._refuse(431, error_page(431), HTML)

    def _check_arrived(self) -> Refusal | None:
        """Refuses a request of which much more arrived than the parser reported."""
        if self.began_at is None or self._in_head:
            status = 400 if self.began_at is None else 431
            return status, error_page(status), HTML
        most = _MOST_FRAMING * self.body_bytes + self._most_arriving
        if self._arrived - self._arrived_at_body > self._most_arriving or self._arrived > most:
            return 400, error_page(400), HTML  # a chunk's size, extension or trailer has no end
        if len(self._body_parts) > _MOST_PARTS:  # each object takes many times the few bytes that it holds
            first, *rest = self._body_parts
            whole = first if isinstance(first, bytearray) else bytearray(first)
            whole += b"".join(rest)
            self._body_parts = [whole]
        return None

    def _refuse(self, status: int, body: bytes, content_type: bytes) -> None:
        self._refusal = status, body, content_type
        raise _RefusedError
