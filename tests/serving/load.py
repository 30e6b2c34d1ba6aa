"""Clients that ask all the time, as real ones do: on connections that stay open, checking every answer."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit


class Server(Protocol):
    """Whoever can be asked at a URL."""

    url: str


class Clients:
    """Threads that POST without pause, each on its own connection; `fresh`: on a new one for each request.

    Attributes:
        answers: how often each answer came.
        wrong: what went wrong, in words.
        asked_to_leave: how many were told `Connection: close`, and so ended by themselves.
    """

    def __init__(self, server: Server, path: str, body: bytes, *, number: int, fresh: bool = False) -> None:
        self._fresh = fresh
        url = urlsplit(server.url)
        self.answers: dict[bytes, int] = {}
        self.wrong: list[str] = []
        self.asked_to_leave = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(url.hostname or "", url.port or 0, path, body))
            for _ in range(number)
        ]
        for thread in self._threads:
            thread.start()

    def _ask(self, host: str, port: int, path: str, body: bytes) -> None:
        connection = http.client.HTTPConnection(host, port, timeout=60)
        try:
            while not self._stop.is_set():
                if self._fresh and not _opened(connection):
                    with self._lock:
                        self.asked_to_leave += 1
                    return
                connection.request("POST", path, body)
                response = connection.getresponse()
                answer = response.read()
                with self._lock:
                    if response.status == 200:
                        self.answers[answer] = self.answers.get(answer, 0) + 1
                    else:
                        self.wrong.append(f"{response.status} {answer!r}")
                if response.will_close:
                    with self._lock:
                        self.asked_to_leave += 1
                    return
        except (OSError, http.client.HTTPException) as error:
            with self._lock:
                self.wrong.append(f"{type(error).__name__}: {error}")
        finally:
            connection.close()

    def total(self) -> int:
        """How many good answers there were."""
        with self._lock:
            return sum(self.answers.values())

    def join(self) -> None:
        """Waits until every client has ended by itself."""
        for thread in self._threads:
            thread.join(60)

    def stop(self) -> None:
        """Lets every client finish its request and ends it."""
        self._stop.set()
        self.join()


def _opened(connection: http.client.HTTPConnection) -> bool:
    """Whether there is still somebody to connect to; once there is, he must answer."""
    connection.close()
    try:
        connection.connect()
    except ConnectionRefusedError:
        return False
    return True


@contextmanager
def clients(server: Server, path: str, body: bytes, *, number: int = 8) -> Iterator[Clients]:
    """Clients that ask until the block ends."""
    asking = Clients(server, path, body, number=number)
    try:
        yield asking
    finally:
        asking.stop()


def resident_mib(process: int) -> float:
    """The memory a process holds now."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS:"))) / 1024
