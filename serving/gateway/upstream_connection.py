"""A connection to the server behind the gateway: one request at a time, answered as a whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import httptools


class UpstreamError(Exception):
    """The server behind did not answer; the message says why, `status` is the HTTP status that says so.

    Attributes:
        status: 502 when it is not there or broke off, 504 when it is too slow.
        before_answer: Whether not a byte of an answer had come.
    """

    def __init__(self, message: str, *, status: int = 502, before_answer: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.before_answer = before_answer


@dataclass
class UpstreamAnswer:
    """What the server behind answered.

    Attributes:
        status: The HTTP status.
        fields: The header fields as sent.
        body: The body as sent.
        length: What its Content-Length says, which an answer to HEAD has without a body; -1 when there is none.
    """

    status: int = 0
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    length: int = -1


Outcome = Callable[[UpstreamAnswer | UpstreamError], None]


class UpstreamConnection(asyncio.Protocol):
    """A connection that stays open between requests.

    Args:
        most_bytes: How large the header and the body of an answer may be together.
        on_free: Called when an answer has come and the connection can take the next request.

    Attributes:
        used: Whether it has carried a request before, so that the server may have closed it meanwhile.
        is_open: Whether it can take a request.
    """

    def __init__(self, most_bytes: int, on_free: Callable[[UpstreamConnection], None]) -> None:
        self._most_bytes = most_bytes
        self._on_free = on_free
        self._transport: asyncio.Transport | None = None
        self._outcome: Outcome | None = None
        self._is_head = False
        self.used = False
        self.is_open = False

    def ask(self, request: list[bytes], outcome: Outcome, *, is_head: bool) -> None:
        """Sends a request; `outcome` is called once, with the answer or with an `UpstreamError`, unless `drop` is."""
        self._outcome, self._is_head = outcome, is_head
        self._answer = UpstreamAnswer()
        self._parts: list[bytes] = []
        self._bytes = 0
        self._complete = self._keep = False
        self._parser = httptools.HttpResponseParser(self)
        if self._transport is None:
            self._end(UpstreamError("the connection was closed", before_answer=True))
            return
        self._transport.writelines(request)

    def drop(self) -> None:
        """Closes the connection; the server sees that nobody waits for its answer."""
        self._outcome = None
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self._outcome is None:  # nobody asked
            self.drop()
            return
        self._bytes += len(data)
        if self._bytes > self._most_bytes:
            self._fail(f"its answer is larger than {self._most_bytes:,} bytes")
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self._complete:
                self._fail("what it answers is not HTTP/1.1")
                return
            self._keep = False
        if self._complete:
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop. An answer without a length or chunks ends here."""
        self._transport = None
        self.is_open = False
        if self._outcome is None:
            return
        if exc is None and self._answer.status and self._ends_with_connection():
            self._finish()
        else:
            self._end(UpstreamError("it broke the connection off", before_answer=not self._bytes))

    # What the parser calls. What comes behind the answer belongs to it no more; nobody asked for it.

    def on_message_begin(self) -> None:
        """Called by the parser at the first byte of an answer."""
        if self._complete:
            self._keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser for each header field."""
        if self._complete:
            return
        self._answer.fields.append((name, value))
        if name.lower() == b"content-length" and value.isdigit():
            self._answer.length = int(value)

    def on_headers_complete(self) -> None:
        """Called by the parser after the header."""
        if self._complete:
            return
        self._answer.status = self._parser.get_status_code()
        if self._is_head:  # the parser does not know that no body follows
            self._complete = True

    def on_body(self, part: bytes) -> None:
        """Called by the parser for each part of the body."""
        if self._complete:
            return
        self._parts.append(part)

    def on_message_complete(self) -> None:
        """Called by the parser at the end of an answer."""
        if self._complete:
            return
        if self._answer.status < 200:  # an interim answer; the one that counts follows
            self._answer, self._parts = UpstreamAnswer(), []
        else:
            self._complete = True
            # Asked here: after the end of a message llhttp knows its header no more.
            self._keep = self._parser.should_keep_alive() and not self._is_head

    def _ends_with_connection(self) -> bool:
        chunked = any(name.lower() == b"transfer-encoding" for name, _ in self._answer.fields)
        return self._answer.length < 0 and not chunked

    def _finish(self) -> None:
        answer = self._answer
        answer.body = b"".join(self._parts)
        keep = self._transport is not None and self._keep
        self._parts = []
        self.used = True
        self._end(answer, keep=keep)

    def _fail(self, reason: str) -> None:
        self._end(UpstreamError(reason))

    def _end(self, outcome: UpstreamAnswer | UpstreamError, *, keep: bool = False) -> None:
        tell, self._outcome = self._outcome, None
        if keep:
            self._on_free(self)
        else:
            self.drop()
        if tell is not None:
            tell(outcome)
