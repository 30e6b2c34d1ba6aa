"""Stand-ins for what is outside a StatsD client: names, time; and a real socket for the server."""

from __future__ import annotations

import socket
import threading
from typing import Any


class Names:
    """Resolves `statsd` to the address that it has now; None is a name that nobody knows."""

    def __init__(self) -> None:
        self.address: tuple[str, int] | None = None
        self.asked = 0
        self.answers = threading.Event()
        self.answers.set()

    def resolve(self, host: str, port: int, family: int, kind: int) -> list[tuple[Any, ...]]:
        self.asked += 1
        assert self.answers.wait(60)
        if host != "statsd" or self.address is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, kind, 0, "", self.address)]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Server:
    """A socket that lines come to."""

    def __init__(self) -> None:
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.address: tuple[str, int] = self.udp.getsockname()

    def lines(self, seconds: float = 0.2) -> list[str]:
        """What comes until nothing has come for so long."""
        self.udp.settimeout(seconds)
        lines = []
        while True:
            try:
                lines += self.udp.recv(4096).decode().splitlines()
            except TimeoutError:
                return lines
