"""Who is at work in a Flink cluster: the worker that reads a shard, and the TaskManager that it works for."""

from __future__ import annotations

from pathlib import Path

from stack.flink.cluster import Cluster
from stack.local.processes.process import Process
from tests.prometheus.debian import eventually

_LISTENS = "0A"


def reader_of(shard: Path, cluster: Cluster) -> Process:
    """The worker that has this shard open, as soon as one has: a pipe opens a moment later at its other end."""
    (found,) = eventually(lambda: [worker for worker in cluster.workers() if str(shard) in _open(worker)])
    return found


def task_manager_of(worker: Process, cluster: Cluster) -> int:
    """The number of the TaskManager that gives this worker its work."""
    command = Path(f"/proc/{worker.pid}/cmdline").read_text().split("\0")
    (url,) = [word for word in command if word.startswith("localhost:")]
    port = f"{int(url.rpartition(':')[2]):04X}"
    sockets = {
        f"socket:[{fields[9]}]"
        for table in ("tcp", "tcp6")
        for fields in map(str.split, Path(f"/proc/net/{table}").read_text().splitlines()[1:])
        if fields[1].rpartition(":")[2] == port and fields[3] == _LISTENS
    }
    (found,) = [number for number, one in enumerate(cluster.task_managers) if sockets & _open(one.process)]
    return found


def _open(process: Process) -> set[str]:
    found = set()
    for entry in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            found.add(str(entry.readlink()))
        except OSError:  # closed meanwhile
            continue
    return found
