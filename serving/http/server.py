"""The HTTP server: accepts connections, enforces the limits in time, and stops without losing requests."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from serving.http.connection import Connection
from serving.http.exchange import Exchange
from serving.http.limits import Limits
from serving.http.memory import trim_heap
from serving.http.rejected_connection import RejectedConnection
from serving.http.shared import SharedState

_SWEEP_SECONDS = 0.25
_DRAIN_SECONDS = 2.0
_STOP_QUIET_SECONDS = 1.0


class HttpServer:
    """An HTTP server on a socket that is bound already. It belongs to the event loop's thread.

    Args:
        handle: answers a request, now or later.
        limits: the limits of the server.
        keep_headers: whether an exchange is given all header fields of its request.
        wants_body: says by its header whether a request with a large body is wanted. If not, `handle` is called
            without the body (`Exchange.body_left_out`), which is thrown away as it comes, and the connection closed.
    """

    def __init__(
        self,
        handle: Callable[[Exchange], None],
        limits: Limits,
        *,
        keep_headers: bool = False,
        wants_body: Callable[[Exchange], bool] | None = None,
    ) -> None:
        self._handle = handle
        self._shared = SharedState(limits, keep_headers=keep_headers, wants_body=wants_body)
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._listener: socket.socket | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()

    async def start(self, sock: socket.socket) -> None:
        """Starts to accept connections on a bound socket."""
        self._listener = sock
        self._server = await self._loop.create_server(self._new_connection, sock=sock, backlog=2048)
        self._sweeper = self._loop.create_task(self._sweep())

    async def stop(self) -> None:
        """Stops accepting connections, answers every request that came, and closes.

        Connections stay open for another moment, as a request may be on its way, `limits.stop_seconds` at most.
        """
        self._shared.stopping = True
        if self._server is not None:
            await self._take_in_the_waiting()
            self._server.close()
        deadline = self._shared.now() + self._shared.limits.stop_seconds
        while self._connections and self._shared.now() < deadline:
            now = self._shared.now()
            for connection in list(self._connections):
                if connection.is_idle and now - connection.quiet_since > _STOP_QUIET_SECONDS:
                    connection.close()
            await asyncio.sleep(0.02)
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self._connections):
            if connection.current is not None:
                connection.current.answer(503, b'{\n    "error": "The server is stopping."\n}')
            connection.close()
        await asyncio.sleep(0)

    def _new_connection(self) -> asyncio.Protocol:
        if len(self._connections) >= self._shared.most_connections:
            return RejectedConnection(self._shared)
        return Connection(self._shared, self._connections, self._handle)

    async def _take_in_the_waiting(self) -> None:
        """Accepts the clients in the listener's backlog, whom closing it would reset."""
        while self._listener is not None:
            try:
                accepted, _ = self._listener.accept()
            except OSError:  # the backlog is empty
                return
            accepted.setblocking(False)
            await self._loop.connect_accepted_socket(self._new_connection, sock=accepted)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            for connection in list(self._connections):
                self._look_after(connection, self._shared.now())
            if self._shared.trim_is_due:
                self._shared.trim_is_due = False
                await self._loop.run_in_executor(None, trim_heap)

    def _look_after(self, connection: Connection, now: float) -> None:
        limits = self._shared.limits
        if connection.current is not None and limits.answer_seconds > 0:
            connection.current.expire_after(limits.answer_seconds)
        if connection.stalled_seconds(now) > limits.receive_seconds:
            connection.abort()
        elif connection.draining:
            if now - connection.quiet_since > _DRAIN_SECONDS:
                connection.close()
        elif connection.receiving_seconds > limits.receive_seconds:
            connection.refuse(
                408,
                b'{\n    "error": "The request did not arrive within %g seconds."\n}' % limits.receive_seconds,
            )
        elif connection.is_idle and now - connection.quiet_since > limits.idle_seconds:
            connection.close()
