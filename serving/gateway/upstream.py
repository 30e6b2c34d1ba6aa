"""The server behind the gateway, and the open connections to it."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable

from serving.client.transport import Address
from serving.gateway.upstream_connection import Outcome, UpstreamConnection, UpstreamError

_CONNECT_SECONDS = 5.0
_MOST_IDLE = 128


class Asked:
    """A request that is under way.

    Attributes:
        connection: The connection that carries it; None while it is being opened.
        given_up: Whether nobody waits for the answer any more.
    """

    def __init__(self) -> None:
        self.connection: UpstreamConnection | None = None
        self.opening: asyncio.Task[None] | None = None
        self.given_up = False

    def give_up(self) -> None:
        """Ends the request; its outcome is not told."""
        self.given_up = True
        if self.opening is not None:
            self.opening.cancel()
        if self.connection is not None:
            self.connection.drop()
            self.connection = None


class Upstream:
    """The server behind. It belongs to the event loop's thread.

    Args:
        address: Where it is.
        most_answer_bytes: How large an answer may be.
    """

    def __init__(self, address: Address, *, most_answer_bytes: int = 64 << 20) -> None:
        self._address = address
        self._most_answer_bytes = most_answer_bytes
        self._idle: deque[UpstreamConnection] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._tls = ssl.create_default_context() if address.secure else None
        host = f"[{address.host}]" if ":" in address.host else address.host
        self._host_line = f"Host: {host}:{address.port}\r\n".encode("ascii")
        self._loop = asyncio.get_running_loop()

    def ask(self, method: str, target: str, lines: bytes, body: bytes, outcome: Outcome) -> Asked:
        """Sends a request; `outcome` is called once with what became of it, unless it is given up.

        A connection that was open already may have been closed by the server just then. If not a byte of an answer
        has come on it, the request is sent once more on a new one: predictions change nothing, so twice does no harm.

        Args:
            method: The HTTP method.
            target: The request target below the address's prefix.
            lines: More header lines, each with its line end.
            body: The body.
            outcome: What to call.
        """
        path = f"{self._address.prefix}{target}".encode("latin-1")
        length = b"Content-Length: %d\r\n" % len(body) if body or method in ("POST", "PUT", "PATCH") else b""
        head = b"%b %b HTTP/1.1\r\n%b%b%b\r\n" % (method.encode("ascii"), path, self._host_line, length, lines)
        request = [head, body] if body else [head]
        asked = Asked()

        def again(connection: UpstreamConnection) -> Outcome:
            def told(result: object) -> None:
                asked.connection = None
                lost = isinstance(result, UpstreamError) and result.before_answer
                if lost and connection.used and not asked.given_up:
                    self._open(asked, send, outcome)
                else:
                    outcome(result)  # type: ignore[arg-type]

            return told

        def send(connection: UpstreamConnection) -> None:
            asked.connection = connection
            connection.ask(request, again(connection), is_head=method == "HEAD")

        free = self._take()
        if free is None:
            self._open(asked, send, outcome)
        else:
            send(free)
        return asked

    def close(self) -> None:
        """Closes all connections that carry nothing."""
        for task in list(self._opening):
            task.cancel()
        while self._idle:
            self._idle.pop().drop()

    def _take(self) -> UpstreamConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    def _put_back(self, connection: UpstreamConnection) -> None:
        self._idle.append(connection)
        if len(self._idle) > _MOST_IDLE:
            self._idle.popleft().drop()

    def _open(self, asked: Asked, send: Callable[[UpstreamConnection], None], outcome: Outcome) -> None:
        task = self._loop.create_task(self._connect(asked, send, outcome))
        asked.opening = task
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self, asked: Asked, send: Callable[[UpstreamConnection], None], outcome: Outcome) -> None:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, connection = await self._loop.create_connection(
                    lambda: UpstreamConnection(self._most_answer_bytes, self._put_back),
                    self._address.host,
                    self._address.port,
                    ssl=self._tls,
                )
        except TimeoutError:
            asked.opening = None
            reason = f"it did not accept a connection within {_CONNECT_SECONDS:g} s"
            outcome(UpstreamError(reason, status=504, before_answer=True))
            return
        except OSError as error:
            asked.opening = None
            outcome(UpstreamError(f"it cannot be reached ({error.strerror or error})", before_answer=True))
            return
        asked.opening = None
        if asked.given_up:
            connection.drop()
        else:
            send(connection)
