"""Processes with an identity: a number and a start time, so that a recycled number is never mistaken for ours."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ml.storage.parent_death import die_with
from ml.storage.process_table import is_running, start_time, stat_fields

_POLL_SECONDS = 0.05
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Process:
    """One process, told apart from others that had or will have the same number.

    Attributes:
        name: What it is called in messages.
        pid: Its process number.
        started: When it started, in clock ticks since boot: field 22 of `stat` in proc(5).
    """

    name: str
    pid: int
    started: int

    @classmethod
    def of(cls, name: str, pid: int) -> Process:
        """The process that has this number now; `started` is -1 when no process has it."""
        return cls(name, pid, start_time(pid))

    def is_alive(self) -> bool:
        """Whether this very process runs. A zombie does not."""
        return is_running(self.pid, self.started)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this very process, never to another one that has got its number."""
        if self.is_alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def with_descendants(self) -> list[Process]:
        """This process and all that descend from it or are in its group, whatever their sessions."""
        if not self.is_alive():
            return []
        table = {pid: (_parent_and_group(pid)) for pid in _pids()}
        family, grew = {self.pid}, True
        while grew:
            more = {pid for pid, (parent, group) in table.items() if parent in family or group == self.pid} - family
            family |= more
            grew = bool(more)
        return [self, *(Process.of(self.name, pid) for pid in sorted(family - {self.pid}))]


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    directory: Path,
    log: Path,
    dies_with: signal.Signals | None = None,
) -> tuple[Process, subprocess.Popen[bytes]]:
    """Start a command in a session of its own.

    Args:
        name: What the process is called in messages.
        command: The program and its arguments.
        environment: All of its environment variables.
        directory: Its working directory.
        log: The file that takes its output and its errors; what the file held before is lost.
        dies_with: What the kernel signals it when this process dies without stopping it; None for nothing.

    Returns:
        The process, and the handle by which its exit code can be read.
    """
    with log.open("wb") as output:
        child = subprocess.Popen(
            [str(part) for part in command],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(die_with, os.getpid(), dies_with) if dies_with else None,
        )
    return Process.of(name, child.pid), child


def stop(processes: Sequence[Process], *, seconds: float = STOP_SECONDS) -> list[Process]:
    """End these processes and all their descendants: SIGTERM for the processes, a wait, SIGKILL for what is left.

    Args:
        processes: What to end.
        seconds: How long to wait after SIGTERM, and again after SIGKILL.

    Returns:
        Those that had to be killed.
    """
    everybody = [member for process in processes for member in process.with_descendants()]
    for process in processes:
        process.signal(signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while any(member.is_alive() for member in everybody) and time.monotonic() < deadline:
        _reap(processes)
        time.sleep(_POLL_SECONDS)
    # What was started meanwhile by those who are still there belongs to them too.
    stubborn = [m for member in everybody for m in member.with_descendants()]
    for member in stubborn:
        member.signal(signal.SIGKILL)
    deadline = time.monotonic() + seconds
    while any(member.is_alive() for member in stubborn) and time.monotonic() < deadline:
        _reap(processes)
        time.sleep(_POLL_SECONDS)
    return list(dict.fromkeys(stubborn))


def _reap(processes: Sequence[Process]) -> None:
    for process in processes:
        try:
            os.waitpid(process.pid, os.WNOHANG)
        except ChildProcessError:  # not our child, or reaped already
            continue


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _parent_and_group(pid: int) -> tuple[int, int]:
    fields = stat_fields(pid)
    return (int(fields[1]), int(fields[2])) if fields else (-1, -1)
