"""Listens, watches over the connections, and stops without cutting anybody off."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from email.utils import formatdate

from serving.exchange import Exchange
from serving.http_connection import Connection
from serving.limits import Limits
from serving.memory import give_back

_SWEEP_SECONDS = 0.25
_DRAIN_SECONDS = 2.0
_STOP_QUIET_SECONDS = 1.0


class HttpServer:
    """Connections on sockets that are bound already.

    Attributes:
        limits: what is taken on at most.
        connections: those that are open.
        stopping: whether no more requests are wanted.
        trim_soon: whether a large body was let go of.
    """

    def __init__(self, handle: Callable[[Exchange], None], limits: Limits) -> None:
        self._handle = handle
        self.limits = limits
        self.connections: set[Connection] = set()
        self.stopping = False
        self.trim_soon = False
        self._server: asyncio.Server | None = None
        self._listener: socket.socket | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self._date = (0, b"")

    def now(self) -> float:
        """The loop's clock, in seconds."""
        return self._loop.time()

    def date_line(self) -> bytes:
        """The Date header of this second."""
        second = int(time.time())
        if self._date[0] != second:
            self._date = (second, f"Date: {formatdate(second, usegmt=True)}\r\n".encode("ascii"))
        return self._date[1]

    async def start(self, sock: socket.socket) -> None:
        """Begins to accept connections on a bound socket."""
        self._listener = sock
        self._server = await self._loop.create_server(lambda: Connection(self, self._handle), sock=sock, backlog=2048)
        self._sweeper = self._loop.create_task(self._sweep())

    async def stop(self) -> None:
        """Accepts no more connections, answers every request that came, and closes.

        Connections are open for another moment, as a request may be on its way; waits at most `limits.stop_seconds`.
        """
        self.stopping = True
        if self._server is not None:
            await self._take_in_the_waiting()
            self._server.close()
        deadline = self.now() + self.limits.stop_seconds
        while self.connections and self.now() < deadline:
            now = self.now()
            for connection in list(self.connections):
                quiet = now - connection.quiet_since > _STOP_QUIET_SECONDS
                if connection.current is None and connection.receiving_since is None and quiet:
                    connection.close()
            await asyncio.sleep(0.02)
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self.connections):
            connection.close()
        await asyncio.sleep(0)

    async def _take_in_the_waiting(self) -> None:
        """Accept whoever is connected and was not accepted yet; closing the listener would reset them."""
        while self._listener is not None:
            try:
                accepted, _ = self._listener.accept()
            except OSError:  # nobody waits any more
                return
            accepted.setblocking(False)
            await self._loop.connect_accepted_socket(lambda: Connection(self, self._handle), sock=accepted)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            for connection in list(self.connections):
                self._look_after(connection, self.now())
            if self.trim_soon:
                self.trim_soon = False
                await self._loop.run_in_executor(None, give_back)

    def _look_after(self, connection: Connection, now: float) -> None:
        limits = self.limits
        if connection.draining:
            if now - connection.quiet_since > _DRAIN_SECONDS:
                connection.close()
        elif connection.receiving_since is not None and now - connection.receiving_since > limits.receive_seconds:
            connection.refuse(
                408,
                b'{\n    "error": "The request did not arrive within %g seconds."\n}' % limits.receive_seconds,
            )
        elif connection.current is not None:
            exchange = connection.current
            if 0 < limits.answer_seconds < time.perf_counter() - exchange.started and exchange.on_expire is not None:
                exchange.on_expire()
        elif connection.receiving_since is None and now - connection.quiet_since > limits.idle_seconds:
            connection.close()
