"""Processes that are an engine together: each has a port, on which it answers once it is there, and a log."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import SystemRandom

from ml.storage.root import PROJECT
from stack.local.errors import StackError
from stack.local.processes.ports import HOST, is_free
from stack.local.processes.process import Process, start, stop

PYTHON = PROJECT / ".venv-ml" / "bin" / "python"
START_SECONDS = 60.0
POLL_SECONDS = 0.1
_LOWEST = 10_000
_HANDED_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")
SECRET = ("AIRFLOW", "KAGGLE")
"""What the names of variables begin with that no part needs."""


@dataclass(frozen=True)
class Part:
    """A process of the engine, the port on which it answers, and its log."""

    process: Process
    port: int
    log: Path


class Parts:
    """The processes of one engine, which are ended together; the kernel ends them when this process dies before.

    Args:
        directory: Where the logs go.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._parts: list[Part] = []

    def start(self, name: str, command: Sequence[str | Path], *, port: int, within: Path = PROJECT) -> Part:
        """Start a process, whose log is NAME.log.

        Args:
            name: What it is called in messages.
            command: The program and its arguments.
            port: Where it is going to answer.
            within: Its working directory.
        """
        environment = {name: value for name, value in os.environ.items() if not name.startswith(SECRET)}
        environment |= {"PYTHONPATH": str(PROJECT), "TF_CPP_MIN_LOG_LEVEL": "2"}
        log = self._directory / f"{name}.log"
        process, _ = start(name, command, environment=environment, directory=within, log=log, dies_with=signal.SIGKILL)
        self._parts.append(Part(process, port, log))
        return self._parts[-1]

    def start_pool(self, name: str, *, port: int) -> Part:
        """Start a pool of Python workers."""
        return self.start(name, [PYTHON, "-m", "ml.beam.worker_pool", "--port", str(port)], port=port)

    def wait(self) -> None:
        """Wait until all of them answer.

        Raises:
            StackError: One ended or does not answer in time.
        """
        deadline = time.monotonic() + START_SECONDS
        for part in self._parts:
            while not _answers(part.port):
                if not part.process.is_alive():
                    raise StackError(f"{part.process.name} has ended by itself; see {part.log}.")
                if time.monotonic() > deadline:
                    raise StackError(f"{part.process.name} does not answer after {START_SECONDS:g} s; see {part.log}.")
                time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """End all of them, and what they have started."""
        stop([part.process for part in self._parts])


def workers_of(pool: Part) -> list[Process]:
    """The workers of a pool that run."""
    return [member for member in pool.process.with_descendants() if member != pool.process]


def free_ports(count: int) -> list[int]:
    """So many ports on which a server can listen now.

    None of those that the kernel hands out: Java opens dozens of them before the last part of an engine listens.
    """
    handed_out = int(_HANDED_OUT.read_text().split()[0])
    found = (port for port in SystemRandom().sample(range(_LOWEST, handed_out), handed_out - _LOWEST) if is_free(port))
    return [*islice(found, count)]


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False
