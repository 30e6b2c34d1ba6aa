"""A Prism and pools of Python workers, for one user of this machine, for as long as a block lasts."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stack.local.processes.cluster_parts import Part, Parts, free_ports, workers_of
from stack.local.processes.ports import HOST
from stack.local.processes.process import Process
from stack.prism.prism_version import prism_program


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
        return workers_of(self.pools[pool])

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
    port, *others = free_ports(pools + 1)
    parts = Parts(directory)
    try:
        prism = parts.start(
            "prism", [program, f"--job_port={port}", "--serve_http=false", "--log_kind=text"], port=port
        )
        started = [parts.start_pool(f"worker-pool-{number}", port=other) for number, other in enumerate(others)]
        parts.wait()
        yield Cluster(prism, tuple(started))
    finally:
        parts.stop()
