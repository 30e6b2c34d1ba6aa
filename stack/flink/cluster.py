"""A Flink cluster, Beam's job server and a pool of Python workers, for as long as a block lasts."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.client.transport import request
from stack.flink.configuration import JAVA, write_configuration
from stack.flink.flink_jars import class_path
from stack.local.errors import StackError
from stack.local.processes.cluster_parts import POLL_SECONDS, START_SECONDS, Part, Parts, free_ports, workers_of
from stack.local.processes.ports import HOST, local_url
from stack.local.processes.process import Process

JOB_MANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
JOB_SERVER = "org.apache.beam.runners.flink.FlinkJobServerDriver"
KEPT_SECONDS = 5
"""How long a TaskManager keeps a worker for the next task of a job; it would start another one for each.

A worker that was killed is kept, too. So tasks start again later than that, or they would get it again.
"""


@dataclass(frozen=True)
class Cluster:
    """What runs: the job server takes jobs of Beam, the JobManager gives their tasks to the TaskManagers.

    The TaskManagers have the Python of the tasks done by workers, which `pool` starts for them.
    """

    job_manager: Part
    task_managers: tuple[Part, ...]
    job_server: Part
    pool: Part

    def options(self) -> tuple[str, ...]:
        """The options by which a pipeline for Beam's `PortableRunner` is run here, a worker on each TaskManager."""
        return (
            f"--job_endpoint={HOST}:{self.job_server.port}",
            f"--flink_master={HOST}:{self.job_manager.port}",
            "--environment_type=EXTERNAL",
            f"--environment_config={HOST}:{self.pool.port}",
            f"--environment_cache_millis={1000 * KEPT_SECONDS}",
            f"--parallelism={len(self.task_managers)}",
        )

    def workers(self) -> list[Process]:
        """The workers that run."""
        return workers_of(self.pool)

    def ask(self, path: str) -> Any:
        """What Flink's REST API answers, as from JSON."""
        return request("GET", f"{local_url(self.job_manager.port)}{path}").json()

    def jobs(self) -> dict[str, dict[str, Any]]:
        """What Flink says of each job, by the name that Beam gave it."""
        return {job["name"]: job for job in self.ask("/jobs/overview")["jobs"]}

    def kill_task_manager(self, number: int) -> None:
        """Take a TaskManager away, as a machine that dies would."""
        self.task_managers[number].process.signal(signal.SIGKILL)


@contextmanager
def running(directory: Path, *, task_managers: int = 2) -> Iterator[Cluster]:
    """Start the cluster, and end it with the block; the kernel ends it when this process dies before.

    Flink and the pool listen on loopback only. The job server listens on every address of the machine, whatever its
    option `--job-host` says.

    Args:
        directory: Where the logs go, and Flink's configuration and files.
        task_managers: How many of them; each has a slot for each, so that one can do the work of all.

    Raises:
        StackError: The jars are not there, or a part ended or does not answer in time.
    """
    rpc, rest, jobs, pool, *data = free_ports(4 + task_managers)
    configuration = write_configuration(directory, rpc=rpc, rest=rest, slots=task_managers)
    java = [*JAVA, "-cp", class_path()]
    parts = Parts(directory)

    def start(name: str, *command: str | Path, port: int) -> Part:
        # Not in the directory of the project: Flink takes what is in plugins/ for its own.
        return parts.start(name, [*java, *command], port=port, within=configuration)

    try:
        manager = start("job-manager", JOB_MANAGER, "--configDir", configuration, port=rest)
        workers = parts.start_pool("worker-pool", port=pool)
        takers = []
        for number, port in enumerate(data):
            own = ["-D", f"taskmanager.data.port={port}", "-D", f"taskmanager.resource-id=task-manager-{number}"]
            takers.append(start(f"task-manager-{number}", TASK_MANAGER, "--configDir", configuration, *own, port=port))
        options = [
            f"--flink-master={HOST}:{rest}",
            f"--flink-conf-dir={configuration}",
            f"--job-host={HOST}",
            f"--job-port={jobs}",
            "--artifact-port=0",
            "--expansion-port=-1",
            f"--artifacts-dir={directory / 'artifacts'}",
        ]
        server = start("job-server", JOB_SERVER, *options, port=jobs)
        parts.wait()
        cluster = Cluster(manager, tuple(takers), server, workers)
        _wait(cluster)
        yield cluster
    finally:
        parts.stop()


def _wait(cluster: Cluster) -> None:
    """Wait until the JobManager knows all TaskManagers; those look for it every ten seconds."""
    deadline = time.monotonic() + START_SECONDS
    while len((cluster.ask("/taskmanagers") or {}).get("taskmanagers", ())) < len(cluster.task_managers):
        if time.monotonic() > deadline:
            raise StackError(f"The TaskManagers are not at work after {START_SECONDS:g} s; see their logs.")
        time.sleep(POLL_SECONDS)
