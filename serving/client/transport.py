"""One question over HTTP or HTTPS, answered within its deadline or not at all. Standard library only."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit


class NoAnswerError(Exception):
    """Nothing answered in time, or what answered does not speak HTTP; the message is the reason."""


@dataclass(frozen=True)
class Address:
    """Where a server is: `prefix` is the path in front of its own, without a slash at the end."""

    secure: bool
    host: str
    port: int
    prefix: str

    @classmethod
    def of(cls, url: str) -> Self:
        """Reads http://HOST[:PORT][/PREFIX], or https.

        Raises:
            ValueError: it is something else; the message says what to write.
        """
        try:
            parts = urlsplit(url)
            port, host = parts.port, parts.hostname
        except ValueError:
            host = port = None
        if not host or parts.scheme not in ("http", "https"):
            raise ValueError(f"{url!r} is no address of a model server; write it as http://HOST:PORT.")
        secure = parts.scheme == "https"
        return cls(secure, host, port or (443 if secure else 80), parts.path.rstrip("/"))


def exchange(
    address: Address, method: str, path: str, body: bytes | None, *, headers: Mapping[str, str], seconds: float
) -> tuple[int, bytes]:
    """Status and body of the answer.

    Args:
        address: whom to ask.
        method: such as GET.
        path: below the address's prefix; it begins with a slash.
        body: what to send, if anything.
        headers: beside Host and Content-Length.
        seconds: for everything together. A socket's own time-out starts anew with every byte that arrives.

    Raises:
        NoAnswerError: refused, reset, unresolved, too late, or no HTTP.
    """
    end = time.monotonic() + seconds
    kind = http.client.HTTPSConnection if address.secure else http.client.HTTPConnection
    # A connection for each question: nothing to close later, and none that the server closed meanwhile.
    connection = kind(address.host, address.port, timeout=seconds)
    late = threading.Event()
    watch: threading.Timer | None = None
    try:
        connection.connect()
        watch = threading.Timer(max(end - time.monotonic(), 0.0), _hang_up, (connection.sock, late))
        watch.daemon = True
        watch.start()
        connection.request(method, address.prefix + path, body=body, headers=dict(headers))
        response = connection.getresponse()
        answer = response.status, response.read()
    # A ValueError is what a TLS socket raises when it is shut down while it reads.
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise NoAnswerError(_too_late(seconds) if late.is_set() else reason) from error
    finally:
        if watch is not None:
            watch.cancel()
        connection.close()
    if late.is_set():  # an answer without a length ends where the connection does
        raise NoAnswerError(_too_late(seconds))
    return answer


def _hang_up(sock: socket.socket, late: threading.Event) -> None:
    late.set()
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already


def _too_late(seconds: float) -> str:
    return f"TimeoutError: no complete answer within {seconds:g} s"
