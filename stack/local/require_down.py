"""Before `make clean`: nothing may run from the environments that are about to be removed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ml.storage.root import PROJECT, Root
from stack.local.errors import StackError, run_command
from stack.local.paths import Paths
from stack.local.processes.process_record import ProcessRecord

ENVIRONMENTS = (PROJECT / ".venv", PROJECT / ".venv-ml")
SHOWN_CHARACTERS = 80


def main() -> int:
    """Return 0 when nothing runs.

    Raises:
        StackError: `make up` is running, or another process uses an environment; the message says which.
    """
    paths = Paths(Root.to_read())
    record = ProcessRecord.read(paths.process_record)
    if record and (alive := record.alive()):
        names = ", ".join(process.name for process in alive)
        raise StackError(f"`make up` is running on {paths.root.path} ({names}). Stop it first: `make down`.")
    for pid, command in _users():
        raise StackError(f"Process {pid} runs from an environment: {command}. End it first.")
    return 0


def _users() -> Iterator[tuple[int, str]]:
    """Yield number and command line of each other process that was started from an environment of this project."""
    prefixes = tuple(f"{environment}{os.sep}".encode() for environment in ENVIRONMENTS)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended, or is somebody else's
            continue
        if any(word.startswith(prefixes) for word in words[:2]):
            yield int(entry.name), b" ".join(words).decode(errors="replace").strip()[:SHOWN_CHARACTERS]


if __name__ == "__main__":
    sys.exit(run_command(main))
