"""A Prism and pools of Python workers, for one user of this machine, for as long as a block lasts."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ml.storage.root import PROJECT
from stack.local.errors import StackError
from stack.local.processes.ports import HOST
from stack.local.processes.process import Process, start, stop
from stack.prism.prism_version import prism_program

PYTHON = PROJECT / ".venv-ml" / "bin" / "python"
START_SECONDS = 60.0
POLL_SECONDS = 0.1
SECRET = ("AIRFLOW", "KAGGLE")
"""What the names of variables begin with that no worker needs."""


@dataclass(frozen=True)
class Part:
    """A process of the cluster, the port on which it answers, and its log."""

    process: Process
    port: int
    log: Path


@dataclass(frozen=True)
class Cluster:
    """What runs: `prism` takes jobs, and each of the `pools` starts the worker of a job that names it."""

    prism: Part
    pools: tuple[Part, ...]

    def options(self, pool: int) -> tuple[str, ...]:
        """The options by which a pipeline for Beam's `PortableRunner` is run here, by a worker of this pool."""
        return (
            f"--job_endpoint={HOST}:{self.prism.port}",
            "--environment_type=EXTERNAL",
            f"--environment_config={HOST}:{self.pools[pool].port}",
        )

    def workers(self, pool: int) -> list[Process]:
        """The workers of this pool that run."""
        return [member for member in self.pools[pool].process.with_descendants() if member != self.pools[pool].process]

    def kill_pool(self, pool: int) -> None:
        """Take a pool away from its job, as a machine that dies would: SIGKILL, for the pool and its workers."""
        for member in self.pools[pool].process.with_descendants():
            member.signal(signal.SIGKILL)


@contextmanager
def running(directory: Path, *, pools: int = 2) -> Iterator[Cluster]:
    """Start Prism and the pools, and end them with the block; the kernel ends them when this process dies before.

    The pools listen on loopback only. Prism listens on every address of the machine, and has no option for that.

    Args:
        directory: Where the logs go.
        pools: How many pools of workers. A job has one worker, in one of them.

    Raises:
        StackError: Prism is not built in the version that goes with Beam, or a part ended or does not answer in time.
    """
    program = prism_program()
    ports = _free_ports(pools + 1)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(SECRET)}
    environment |= {"PYTHONPATH": str(PROJECT), "TF_CPP_MIN_LOG_LEVEL": "2"}
    commands: dict[str, list[str | Path]] = {
        "prism": [program, f"--job_port={ports[0]}", "--serve_http=false", "--log_kind=text"]
    }
    for number, port in enumerate(ports[1:]):
        commands[f"worker-pool-{number}"] = [PYTHON, "-m", "ml.beam.worker_pool", "--port", str(port)]
    parts: list[Part] = []
    with ExitStack() as block:
        block.callback(lambda: stop([part.process for part in parts]))
        for (name, command), port in zip(commands.items(), ports, strict=True):
            log = directory / f"{name}.log"
            process, _ = start(
                name, command, environment=environment, directory=PROJECT, log=log, dies_with=signal.SIGKILL
            )
            parts.append(Part(process, port, log))
        _wait(parts)
        yield Cluster(parts[0], tuple(parts[1:]))


def _wait(parts: list[Part]) -> None:
    deadline = time.monotonic() + START_SECONDS
    for part in parts:
        while not _answers(part.port):
            if not part.process.is_alive():
                raise StackError(f"{part.process.name} has ended by itself; see {part.log}.")
            if time.monotonic() > deadline:
                raise StackError(f"{part.process.name} does not answer after {START_SECONDS:g} s; see {part.log}.")
            time.sleep(POLL_SECONDS)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False


def _free_ports(count: int) -> list[int]:
    with ExitStack() as block:
        held = [block.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in held]
