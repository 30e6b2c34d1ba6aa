"""Real servers for tests, and plain HTTP to talk to them."""

import http.client
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
STARTED_WITHIN = 120.0
RECEIVE_SECONDS = 3
"""How long the server of all tests waits for a request to arrive."""


class ServerProcess:
    """`python -m serving.model_server` on a free port; the port answers when the constructor returns."""

    def __init__(self, *flags: str, log: Path) -> None:
        self.log = log
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "serving.model_server", "--rest_api_port=0", *flags],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "PYTHONWARNINGS": ""},
            )
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], STARTED_WITHIN)
        self.said = self.process.stdout.readline() if ready else ""
        if not self.said.startswith("Listening on "):
            self.stop()
            raise AssertionError(f"the server did not start; it said {self.said!r} and {log.read_text()!r}")
        self.url = self.said.split()[2]

    def stop(self, signal_number: int = signal.SIGTERM, *, within: float = 60.0) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            assert self.process.stdout is not None
            self.process.stdout.close()


def ask(
    url: str, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    """Sends one request exactly as given; the path is not encoded, no header is added but Content-Length."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return response.status, response.read(), {name.lower(): value for name, value in response.getheaders()}
    finally:
        connection.close()


def error_of(body: bytes) -> str:
    return str(json.loads(body)["error"])


def eventually(fact: Callable[[], Any], *, within: float = 60.0) -> Any:
    """Waits until a fact is true; returns it."""
    end = time.monotonic() + within
    while True:
        value = fact()
        if value or time.monotonic() > end:
            assert value, "it never became true"
            return value
        time.sleep(0.02)
