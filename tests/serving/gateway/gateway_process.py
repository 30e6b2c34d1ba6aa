"""A real gateway, and a server behind it that does what a test tells it."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.serving.live import ROOT, STARTED_WITHIN

Act = Callable[[bytes, socket.socket], None]


class GatewayProcess:
    """`python -m serving.gateway` on a free port; the port answers when the constructor returns."""

    def __init__(self, *flags: str, log: Path) -> None:
        self.log = log
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "serving.gateway", "--port=0", *flags],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "PYTHONWARNINGS": ""},
            )
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], STARTED_WITHIN)
        said = self.process.stdout.readline() if ready else ""
        if not said.startswith("Listening on "):
            self.stop()
            raise AssertionError(f"the gateway did not start; it said {said!r} and {log.read_text()!r}")
        self.url = said.split()[2]

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            assert self.process.stdout is not None
            self.process.stdout.close()


@contextmanager
def gateway(upstream: str, *flags: str, log: Path) -> Iterator[GatewayProcess]:
    process = GatewayProcess(f"--upstream={upstream}", *flags, log=log)
    try:
        yield process
    finally:
        process.stop()


class StandIn:
    """A server whose every answer is what `act` does with a request's header and body, and the socket.

    Attributes:
        url: where it is.
        opened: how many connections carried a request that was no question for a status.
        requests: the requests, header and body, but for questions for a status.
    """

    def __init__(self, act: Act) -> None:
        self._act = act
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.opened = 0
        self.requests: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        is_new = True
        with connection, suppress(OSError):
            while request := read_request(connection):
                if request.startswith(b"GET /v1/models/customer-model HTTP"):
                    connection.sendall(answer(b'{"model_version_status": [{"version": "7", "state": "AVAILABLE"}]}'))
                    continue
                self.opened += is_new
                is_new = False
                self.requests.append(request)
                self._act(request, connection)

    def close(self) -> None:
        self._listener.close()


@contextmanager
def stand_in(act: Act) -> Iterator[StandIn]:
    server = StandIn(act)
    try:
        yield server
    finally:
        server.close()


def read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lines = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(lines[0].split(b":")[1]) if lines else 0
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answer(body: bytes, more: bytes = b"") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b\r\n" % (len(body), more)
    return head + body
