"""One request over HTTP or HTTPS, answered as a whole before its deadline or not at all.

Standard library only. No proxy is used, whatever the environment says, and no redirect is followed.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self
from urllib.parse import urlsplit


class TransportError(OSError):
    """Nothing answered in time, or what answered does not speak HTTP; the message is the reason."""


class TooLateError(TransportError):
    """The whole answer was not there in time."""


@dataclass(frozen=True)
class Response:
    """Whatever a server answered, an error status included.

    Attributes:
        status: The HTTP status.
        content: The body.
    """

    status: int
    content: bytes

    @property
    def text(self) -> str:
        """The body as UTF-8; bytes that are not UTF-8 are replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body's JSON value, or None when the body is not JSON."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None


@dataclass(frozen=True)
class Address:
    """Where a server is.

    Attributes:
        secure: Whether it speaks HTTPS.
        host: Its name or its IP address.
        port: Its TCP port.
        prefix: The path in front of the server's own paths, without a slash at the end.
    """

    secure: bool
    host: str
    port: int
    prefix: str

    @property
    def url(self) -> str:
        """The address as `of` reads it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.secure else ''}://{host}:{self.port}{self.prefix}"

    @classmethod
    def of(cls, url: str) -> Self:
        """Reads http://HOST[:PORT][/PREFIX], or https.

        Raises:
            ValueError: The URL is something else; the message says what to write.
        """
        try:
            parts = urlsplit(url)
            port, host = parts.port, parts.hostname
        except ValueError:
            host = port = None
        if not host or parts.scheme not in ("http", "https"):
            raise ValueError(f"{url!r} is not the address of a server; write it as http://HOST:PORT.")
        secure = parts.scheme == "https"
        return cls(secure, host, port or (443 if secure else 80), parts.path.rstrip("/"))


def request(
    method: str, url: str, *, json_body: Any = None, token: str | None = None, timeout: float = 10.0
) -> Response:
    """Sends one request to a whole URL.

    Args:
        method: The HTTP method, such as GET.
        url: Http://HOST[:PORT]/PATH[?QUERY], or https.
        json_body: What to send as JSON; None sends no body.
        token: Sent as a bearer token.
        timeout: The time for everything together, in seconds.

    Raises:
        ValueError: The URL is not one of HTTP.
        TransportError: Nothing answered in time, or what answered does not speak HTTP.
    """
    server = replace(Address.of(url), prefix="")
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    body = None if json_body is None else json.dumps(json_body).encode()
    return send(server, method, path, body, headers=json_headers(body, token), timeout=timeout)


def json_headers(body: bytes | None, token: str | None) -> dict[str, str]:
    """The headers of a request that carries JSON, if it carries anything, and a bearer token, if there is one."""
    content = {} if body is None else {"Content-Type": "application/json"}
    return content | ({"Authorization": f"Bearer {token}"} if token else {})


def send(
    address: Address, method: str, path: str, body: bytes | None, *, headers: Mapping[str, str], timeout: float
) -> Response:
    """Sends one request on a connection of its own.

    Args:
        address: The server.
        method: The HTTP method, such as GET.
        path: Below the address's prefix; it begins with a slash.
        body: What to send; None sends no body.
        headers: Those beside Host and Content-Length.
        timeout: The time for everything together, in seconds. A socket's own time-out would start anew with every
            byte that arrives.

    Raises:
        TooLateError: The whole answer was not there in time.
        TransportError: The connection was refused or reset, the name was not resolved, or the answer is not HTTP.
    """
    end = time.monotonic() + timeout
    kind = http.client.HTTPSConnection if address.secure else http.client.HTTPConnection
    # A connection for each request: nothing to close later, and none that the server closed meanwhile.
    connection = kind(address.host, address.port, timeout=timeout)
    late = threading.Event()
    watch: threading.Timer | None = None
    try:
        connection.connect()
        watch = threading.Timer(max(end - time.monotonic(), 0.0), _hang_up, (connection.sock, late))
        watch.daemon = True
        watch.start()
        connection.request(method, address.prefix + path, body=body, headers=dict(headers))
        answer = connection.getresponse()
        response = Response(answer.status, answer.read())
    # A ValueError is what a TLS socket raises when it is shut down while it reads.
    except (OSError, http.client.HTTPException, ValueError) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            raise _too_late(timeout) from error
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise TransportError(reason) from error
    finally:
        if watch is not None:
            watch.cancel()
        connection.close()
    if late.is_set():  # an answer without a length ends where the connection does
        raise _too_late(timeout)
    return response


def _hang_up(sock: socket.socket, late: threading.Event) -> None:
    late.set()
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already


def _too_late(timeout: float) -> TooLateError:
    return TooLateError(f"TimeoutError: no complete answer within {timeout:g} s")
