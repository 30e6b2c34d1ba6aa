"""The HTTP part alone, behind it an application that echoes."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from serving.http.exchange import TEXT, Exchange
from serving.http.limits import Limits
from serving.http.server import HttpServer


class Echo:
    """A server on a thread of its own.

    It answers with method, target and body; /gzipped also says whether it is; /later/... waits for `release`,
    /work too, unless the client closes its side;
    /busy keeps the loop for a millisecond; /large1000 is answered with as many bytes.
    """

    def __init__(self, limits: Limits) -> None:
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.address = self.sock.getsockname()
        self.waiting: list[Exchange] = []
        self.stopped = threading.Event()
        self._opened = threading.Event()
        self._limits = limits
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self.thread.start()
        assert self._opened.wait(10)

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.stop_asked = asyncio.Event()
        self.server = server = HttpServer(self._handle, self._limits)
        await server.start(self.sock)
        self._opened.set()
        await self.stop_asked.wait()
        await server.stop()
        self.stopped.set()

    def _handle(self, exchange: Exchange) -> None:
        if exchange.target.startswith("/busy"):
            time.sleep(0.001)
        if exchange.target.startswith("/large"):
            exchange.answer(200, b"x" * int(exchange.target[6:]), TEXT)
        elif exchange.target.startswith(("/later", "/work")):
            self.waiting.append(exchange)
            exchange.ends_with_client = exchange.target.startswith("/work")
            exchange.on_expire = lambda: exchange.answer(504, b"too late", TEXT)
        else:
            self.answer(exchange)

    @staticmethod
    def answer(exchange: Exchange) -> None:
        gzipped = f"{exchange.gzipped} " if exchange.target == "/gzipped" else ""
        text = f"{exchange.method} {exchange.target} {gzipped}{exchange.body.decode('latin-1')}"
        exchange.answer(200, text.encode("latin-1"), TEXT)

    def release(self) -> None:
        waiting, self.waiting = self.waiting, []
        for exchange in waiting:
            with suppress(RuntimeError):  # stopped already
                self.loop.call_soon_threadsafe(self.answer, exchange)

    def stop(self) -> None:
        with suppress(RuntimeError):  # stopped already
            self.loop.call_soon_threadsafe(self.stop_asked.set)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=20)

    def talk(self, data: bytes) -> bytes:
        """Sends, closes our side, and reads until the server closes its own."""
        with self.connect() as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


@contextmanager
def echo(limits: Limits | None = None) -> Iterator[Echo]:
    server = Echo(limits or Limits(stop_seconds=5))
    try:
        yield server
    finally:
        server.release()
        server.stop()
        server.thread.join(20)
        assert not server.thread.is_alive()
