"""Debian's Prometheus, Alertmanager and their tools, as processes on free loopback ports."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import pytest

from ml.storage.root import PROJECT

CONFIGURATION = PROJECT / "prometheus"
PACKAGES = "prometheus prometheus-alertmanager"
NAMES = {"alertmanager": ("alertmanager", "prometheus-alertmanager")}
DEADLINE = 60.0
T = TypeVar("T")


def tool(name: str) -> str:
    """The path of a program; where it is missing the test is skipped, but never in continuous integration."""
    for candidate in NAMES.get(name, (name,)):
        found = shutil.which(candidate)
        if found:
            return found
    missing = f"{name} is not installed: apt-get install -y {PACKAGES}"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def said_by(*command: str | Path, code: int = 0) -> str:
    """What a tool says; its exit code must be `code`."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def eventually(question: Callable[[], T], *, within: float = DEADLINE, every: float = 0.1) -> T:
    """The first true answer."""
    deadline = time.monotonic() + within
    last: T | OSError | None = None
    while time.monotonic() < deadline:
        try:
            last = answer = question()
        except OSError as error:
            last = error
        else:
            if answer:
                return answer
        time.sleep(every)
    raise AssertionError(f"not within {within:g} s; last: {last!r}")


@contextmanager
def running(command: Sequence[str | Path], *, log: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process for the duration of the block, started in the project."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=PROJECT,
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def prometheus(configuration: Path, *, data: Path, log: Path, port: int | None = None) -> Iterator[str]:
    """A Prometheus on `data`; yields its URL when it is ready."""
    url = f"http://127.0.0.1:{port or free_port()}"
    command = [
        tool("prometheus"),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--storage.tsdb.retention.time=100y",
    ]
    with running(command, log=log):
        eventually(lambda: get(f"{url}/-/ready"))
        yield url


def query(url: str, expression: str, path: str = "query", **parameters: Any) -> list[dict[str, Any]]:
    """The result of a PromQL expression by Prometheus' HTTP API."""
    asked = urlencode({"query": expression, **parameters})
    answer = json.loads(get(f"{url}/api/v1/{path}?{asked}"))
    return list(answer["data"]["result"])


def value(url: str, expression: str) -> float | None:
    """The value of an expression that has at most one series."""
    result = query(url, expression)
    assert len(result) <= 1, result
    return float(result[0]["value"][1]) if result else None
