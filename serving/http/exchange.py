"""One HTTP request and its one answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

from serving.errors import StatusError
from serving.http.memory import LARGE_BYTES

JSON = b"application/json"
TEXT = b"text/plain"
HTML = b"text/html"
DEFAULT = b"text/html; charset=ISO-8859-1"
"""What TensorFlow Serving's HTTP library (libevent) calls an answer of which nobody said what it is."""
_PHRASES = {status.value: status.phrase for status in HTTPStatus} | {499: "Client Closed Request"}


class Sender(Protocol):
    """Where an answer goes."""

    def send(self, exchange: Exchange, status: int, body: bytes, kind: bytes, headers: bytes) -> None:
        """Sends the one answer to an exchange."""
        ...


class Exchange:
    """A complete request. Whoever handles it calls `answer` once, now or later, on the event loop's thread.

    Attributes:
        method: as sent, such as "POST".
        target: the request target as sent.
        gzipped: whether the body is said to be compressed.
        origin: the Origin header, as sent; empty when there is none.
        body: the request body.
        keep: whether the client may send another request on the same connection.
        old: whether it is HTTP/1.0.
        large: whether its body is worth giving memory back for.
        started: when it had arrived, on the clock of `time.perf_counter`.
        answered: whether there was an answer, or nobody is left to read one.
        on_expire: what to do when the request takes too long; it must answer.
        on_end: what to do once it is answered, or nobody is left to read an answer.
    """

    __slots__ = (
        *("_sender", "answered", "body", "gzipped", "keep", "large", "method", "old", "on_end", "on_expire"),
        *("origin", "started", "target"),
    )

    def __init__(
        self,
        sender: Sender,
        method: str,
        target: str,
        *,
        gzipped: bool = False,
        origin: bytes = b"",
        body: bytes = b"",
        keep: bool = False,
        old: bool = False,
    ) -> None:
        self._sender = sender
        self.method = method
        self.target = target
        self.gzipped = gzipped
        self.origin = origin
        self.body = body
        self.keep = keep
        self.old = old
        self.large = len(body) > LARGE_BYTES
        self.started = time.perf_counter()
        self.answered = False
        self.on_expire: Callable[[], None] | None = None
        self.on_end: Callable[[], None] | None = None

    def answer(self, status: int, body: bytes, kind: bytes = JSON, headers: bytes = b"") -> None:
        """Sends the answer; does nothing when there was one.

        Args:
            status: the HTTP status.
            body: the body.
            kind: the content type.
            headers: more header lines, each with its line end.
        """
        if not self.answered:
            self.give_up()
            self._sender.send(self, status, body, kind, headers)

    def answer_page(self, status: int) -> None:
        """Sends an error page, and has the connection closed behind it, as TensorFlow Serving's HTTP library does."""
        self.keep = False
        self.answer(status, error_page(status), HTML)

    def expire_after(self, seconds: float) -> None:
        """Gives up a request that arrived longer ago than that."""
        if self.on_expire is not None and time.perf_counter() - self.started > seconds:
            self.on_expire()

    def is_answered(self) -> bool:
        """Whether nobody waits for an answer any more. May be asked on any thread."""
        return self.answered

    def still_wanted(self) -> None:
        """For long work on any thread, to stop early.

        Raises:
            StatusError: CANCELLED; there was an answer, or nobody is left to read one.
        """
        if self.answered:
            raise StatusError("CANCELLED", "Nobody waits for the answer any more.")

    def give_up(self) -> None:
        """Nobody waits for an answer any more. Lets go of the body at once; the garbage collector may take long."""
        self.answered = True
        self.on_expire = None  # it knows this exchange: a circle
        self.body = b""
        on_end, self.on_end = self.on_end, None
        if on_end is not None:
            on_end()


def response_head(status: int, kind: bytes, length: int, lines: bytes, *, keep: bool, old: bool = False) -> bytes:
    """Status line and headers, with the empty line behind them.

    Args:
        status: the HTTP status.
        kind: the content type.
        length: the size of the body in bytes.
        lines: more headers, each with its line end.
        keep: whether the client may send another request.
        old: whether the request was HTTP/1.0.
    """
    if not keep:
        lines += b"Connection: close\r\n"
    elif old:
        lines += b"Connection: keep-alive\r\n"
    first = b"HTTP/1.%d %d %b\r\n" % (not old, status, phrase(status).encode("ascii"))
    return b"%bContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n" % (first, kind, length, lines)


def phrase(status: int) -> str:
    """The words that belong to an HTTP status."""
    return _PHRASES.get(status, "Unknown")


def error_page(status: int) -> bytes:
    """The page that TensorFlow Serving's HTTP library gives for what never reaches its API."""
    words = phrase(status)
    return (f"<HTML><HEAD>\n<TITLE>{status} {words}</TITLE>\n</HEAD><BODY>\n<H1>{words}</H1>\n</BODY></HTML>\n").encode(
        "ascii"
    )
