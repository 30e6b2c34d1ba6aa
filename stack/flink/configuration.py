"""How Flink is configured here: on loopback, small, and so that a lost worker costs its tasks and not the job."""

from __future__ import annotations

from pathlib import Path

from stack.local.processes.ports import HOST

# What Flink's own configuration opens for it and for Kryo, since Java 16 no longer lets them reflect on everything.
OPENED = (
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.reflect",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.text",
    "java.base/java.time",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.util.concurrent.locks",
    "java.base/sun.net.util",
)
RESTART_SECONDS = 10
JAVA = (
    "java",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    *(f"--add-opens={package}=ALL-UNNAMED" for package in OPENED),
)


def write_configuration(directory: Path, *, rpc: int, rest: int, slots: int) -> Path:
    """Write Flink's configuration, and return the directory that holds it.

    Args:
        directory: Where it goes, and where Flink's files go.
        rpc: The port on which the JobManager hears of TaskManagers.
        rest: The port of its REST API, which takes jobs.
        slots: How many tasks a TaskManager does at the same time.
    """
    values = {
        "jobmanager.rpc.address": HOST,
        "jobmanager.rpc.port": rpc,
        "jobmanager.bind-host": HOST,
        "rest.address": HOST,
        "rest.bind-address": HOST,
        "rest.port": rest,
        "taskmanager.host": HOST,
        "taskmanager.bind-host": HOST,
        "taskmanager.numberOfTaskSlots": slots,
        "cluster.evenly-spread-out-slots": "true",
        # A lost TaskManager is given up after five seconds instead of fifty.
        "heartbeat.interval": 1000,
        "heartbeat.timeout": 5000,
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": 3,
        "restart-strategy.fixed-delay.delay": f"{RESTART_SECONDS} s",
        # All processes have the same classes, those that the job server sends along, too.
        "classloader.resolve-order": "parent-first",
        "io.tmp.dirs": directory / "tmp",
        "blob.storage.directory": directory / "blobs",
        **_memory(),
    }
    configuration = directory / "conf"
    for place in (configuration, directory / "tmp", directory / "blobs"):
        place.mkdir()
    text = "".join(f"{name}: {value}\n" for name, value in values.items())
    (configuration / "config.yaml").write_text(text)
    return configuration


def _memory() -> dict[str, str | int]:
    """Of a TaskManager, which may have to do all tasks. Flink's shell scripts would compute what is not said here."""
    megabytes = {
        "framework.heap.size": 64,
        "framework.off-heap.size": 64,
        "task.heap.size": 256,
        "task.off-heap.size": 64,
        "network.min": 192,
        "network.max": 192,
        "managed.size": 64,
        "jvm-metaspace.size": 192,
        "jvm-overhead.min": 64,
        "jvm-overhead.max": 64,
    }
    return {"taskmanager.cpu.cores": 1} | {f"taskmanager.memory.{name}": f"{size}m" for name, size in megabytes.items()}
