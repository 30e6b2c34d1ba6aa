"""A child process with everything it started, from its first line to the end of its last descendant.

The child leads a session and thereby a process group of its own. It is not reaped before its group is gone, because
the zombie keeps the group's number from being given to somebody else.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from retraining.child.log_lines import LineSplitter

POLL_SECONDS = 0.1
CHUNK = 1 << 16
# Airflow sends SIGKILL five seconds after it asked a task to stop; we have to be done well before.
TERM_SECONDS = 2.5
# A killed process can take a moment to vanish on a busy machine; a retry must not meet it.
KILL_SECONDS = 1.0
# How long the output of a child that has ended is followed when a descendant still holds the pipe.
AFTERMATH_SECONDS = 1.0


class ChildProcess:
    """A child that the constructor starts: read `lines()`, then `finish()`. `stop()` may come at any time.

    As a context manager it stops whatever still runs at the end of the block, and closes the pipe.
    """

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str], directory: Path) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # one pipe: lines keep their order and no second one can fill up
            bufsize=0,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._process.stdout is not None:
            self._process.stdout.close()

    @property
    def pid(self) -> int:
        """The process id of the child, which is also that of its group."""
        return self._process.pid

    def lines(self) -> Iterator[str]:
        """Yield what the child and its descendants write, line by line, as it comes."""
        assert self._process.stdout is not None  # noqa: S101 - for the type checker; PIPE is above
        pipe = self._process.stdout.fileno()
        splitter = LineSplitter()
        gone_since: float | None = None
        while True:
            readable = select.select([pipe], [], [], POLL_SECONDS)[0]
            if readable:
                chunk = os.read(pipe, CHUNK)
                yield from splitter.feed(chunk)
                if not chunk:
                    break
            if self._has_ended():
                gone_since = gone_since or time.monotonic()
                if not readable or time.monotonic() - gone_since > AFTERMATH_SECONDS:
                    break
        yield from splitter.flush()

    def finish(self) -> int:
        """Wait for the child, end what it left behind, and return its exit code (negative: minus the signal)."""
        while not self._has_ended():
            time.sleep(POLL_SECONDS / 5)
        self.stop()
        return self._process.wait()

    def stop(self) -> None:
        """End the whole group: ask, wait at most `TERM_SECONDS`, then kill. After the end it does nothing."""
        if self._process.returncode is not None:
            return
        if self._living():
            self._signal(signal.SIGTERM)
            self._wait_until_gone(TERM_SECONDS)
            self._signal(signal.SIGKILL)
            self._wait_until_gone(KILL_SECONDS)
        self._process.wait()

    def _has_ended(self) -> bool:
        if self._process.returncode is not None:
            return True
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _wait_until_gone(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._living() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS / 5)

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):  # nobody is left, or only somebody with other rights
            return

    def _living(self) -> bool:
        """Return whether any process of the group runs; zombies do not."""
        return any(group == self.pid and state not in "ZX" for state, group in _processes())


def _processes() -> Iterator[tuple[str, int]]:
    """Yield state and process group of every process; proc(5) explains the fields of `stat`."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(errors="replace")
            except OSError:  # it ended in between
                continue
            state, _, group = stat.rpartition(")")[2].split()[:3]
            yield state, int(group)
