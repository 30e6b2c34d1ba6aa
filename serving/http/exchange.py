"""An HTTP request and the one answer to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache
from http import HTTPStatus
from typing import Protocol

from serving.errors import StatusError
from serving.http.memory import LARGE_BYTES

JSON = b"application/json"
TEXT = b"text/plain"
HTML = b"text/html"
DEFAULT = b"text/html; charset=ISO-8859-1"
"""The content type that libevent, TensorFlow Serving's HTTP library, gives an answer that was given none."""
_PHRASES = {status.value: status.phrase for status in HTTPStatus} | {499: "Client Closed Request"}


class Sender(Protocol):
    """Where an answer goes."""

    def send(self, exchange: Exchange, status: int, body: bytes, content_type: bytes, headers: bytes) -> None:
        """Sends the one answer to an exchange."""
        ...


class Exchange:
    """A complete request. Whoever handles it calls `answer` once, now or later, on the event loop's thread.

    Attributes:
        method: the request method as sent, such as "POST".
        target: the request target as sent.
        gzipped: whether the Content-Encoding header says that the body is compressed with gzip.
        origin: the Origin header as sent; empty when there is none.
        headers: the header fields as sent, name and value, in order; empty unless the server keeps them.
        peer: the IP address of the client; empty unless the server keeps header fields.
        body: the request body.
        body_left_out: whether the body was not read, since the server does not want it; the answer has to say why not.
        keep_alive: whether the client may send another request on the same connection.
        is_http_1_0: whether the request is HTTP/1.0.
        large: whether the body is so large that its memory should be given back to the system afterwards.
        started: when the request had arrived, on the clock of `time.perf_counter`.
        answered: whether there was an answer, or the client is gone.
        ends_with_client: whether a client that closes its side is taken for gone, as behind a proxy, which can tell in
            no other way that its own client has left. Set it where the work for an answer is long.
        on_expire: called when the request takes too long; it must answer.
        on_end: called once the request is answered, or the client is gone.
    """

    __slots__ = (
        *("_sender", "answered", "body", "gzipped", "headers", "is_http_1_0", "keep_alive", "large", "method"),
        *("body_left_out", "ends_with_client", "on_end", "on_expire", "origin", "peer", "started", "target"),
    )

    def __init__(
        self,
        sender: Sender,
        method: str,
        target: str,
        *,
        gzipped: bool = False,
        origin: bytes = b"",
        headers: Sequence[tuple[bytes, bytes]] = (),
        body: bytes = b"",
        keep_alive: bool = False,
        is_http_1_0: bool = False,
    ) -> None:
        self._sender = sender
        self.method = method
        self.target = target
        self.gzipped = gzipped
        self.origin = origin
        self.headers = headers
        self.peer = ""
        self.body = body
        self.keep_alive = keep_alive
        self.is_http_1_0 = is_http_1_0
        self.large = len(body) > LARGE_BYTES
        self.started = time.perf_counter()
        self.answered = False
        self.body_left_out = False
        self.ends_with_client = False
        self.on_expire: Callable[[], None] | None = None
        self.on_end: Callable[[], None] | None = None

    def answer(self, status: int, body: bytes, content_type: bytes = JSON, headers: bytes = b"") -> None:
        """Sends the answer; does nothing when there was one, or the client is gone.

        Args:
            status: the HTTP status.
            body: the body.
            content_type: the value of the Content-Type header.
            headers: more header lines, each with its line end.
        """
        if not self.answered:
            self.abandon()
            self._sender.send(self, status, body, content_type, headers)

    def answer_page(self, status: int) -> None:
        """Sends an error page and has the connection closed after it, as libevent does (evhttp_send_error)."""
        self.keep_alive = False
        self.answer(status, error_page(status), HTML)

    def expire_after(self, seconds: float) -> None:
        """Calls `on_expire` when the request arrived more than so many seconds ago."""
        if self.on_expire is not None and time.perf_counter() - self.started > seconds:
            self.on_expire()

    def is_answered(self) -> bool:
        """Whether there was an answer, or the client is gone. May be called on any thread."""
        return self.answered

    def still_wanted(self) -> None:
        """Lets long work stop early. May be called on any thread.

        Raises:
            StatusError: CANCELLED, there was an answer, or the client is gone.
        """
        if self.answered:
            raise StatusError("CANCELLED", "Nobody waits for the answer any more.")

    def abandon(self) -> None:
        """Records that nobody waits for an answer any more, and frees the body without the garbage collector."""
        self.answered = True
        self.on_expire = None  # it knows this exchange: a circle
        self.body = b""
        on_end, self.on_end = self.on_end, None
        if on_end is not None:
            on_end()


def response_head(
    status: int, content_type: bytes, length: int, lines: bytes, *, keep_alive: bool, is_http_1_0: bool = False
) -> bytes:
    """The status line and the headers of an answer, with the empty line after them.

    Args:
        status: the HTTP status.
        content_type: the value of the Content-Type header.
        length: the size of the body in bytes.
        lines: more header lines, each with its line end.
        keep_alive: whether the client may send another request.
        is_http_1_0: whether the request was HTTP/1.0.
    """
    if not keep_alive:
        lines += b"Connection: close\r\n"
    elif is_http_1_0:
        lines += b"Connection: keep-alive\r\n"
    first = _status_line(status, is_http_1_0)
    return b"%bContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n" % (first, content_type, length, lines)


@cache
def _status_line(status: int, is_http_1_0: bool) -> bytes:
    return b"HTTP/1.%d %d %b\r\n" % (not is_http_1_0, status, reason_phrase(status).encode("ascii"))


def reason_phrase(status: int) -> str:
    """The reason phrase of an HTTP status."""
    return _PHRASES.get(status, "Unknown")


def error_page(status: int) -> bytes:
    """The page with which libevent answers what never reaches TensorFlow Serving's API."""
    words = reason_phrase(status)
    return (f"<HTML><HEAD>\n<TITLE>{status} {words}</TITLE>\n</HEAD><BODY>\n<H1>{words}</H1>\n</BODY></HTML>\n").encode(
        "ascii"
    )
