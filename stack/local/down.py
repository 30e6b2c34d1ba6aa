"""`make down`: end exactly what `make up` started."""

from __future__ import annotations

import sys
import time

from ml.storage import locks
from ml.storage.root import Root
from stack.local.errors import StackError, run_command
from stack.local.paths import Paths
from stack.local.processes.ports import is_free
from stack.local.processes.process import stop
from stack.local.processes.process_record import ProcessRecord

PORT_SECONDS = 5.0


def main() -> int:
    """End the stack; the exit code is 0 when none of its processes runs any more and its ports are free."""
    paths = Paths(Root.find())
    with locks.hold(paths.lock, who="make down", wait_seconds=30):
        record = ProcessRecord.read(paths.process_record)
        if record is None:
            print(f"Nothing is up in {paths.root.path}. (Another RETRAIN_ROOT has a stack of its own.)")
            return 0
        stop_stack(paths)
        taken = [port for port in record.ports if not _becomes_free(port)]
    if taken:
        raise StackError(f"Everything that `make up` started has ended, but another process uses port {taken[0]}.")
    print("Down.")
    return 0


def stop_stack(paths: Paths) -> None:
    """End the recorded processes and their descendants, and remove the record.

    Raises:
        StackError: A process is still there after SIGKILL.
    """
    record = ProcessRecord.read(paths.process_record)
    if record is None:
        return
    for process in stop(record.alive()):
        print(f"  {process.name} (process {process.pid}) did not end on SIGTERM and was killed")
    survivors = record.alive()
    if survivors:
        raise StackError(f"Still running: {', '.join(f'{p.name} (process {p.pid})' for p in survivors)}")
    paths.process_record.unlink(missing_ok=True)


def _becomes_free(port: int) -> bool:
    deadline = time.monotonic() + PORT_SECONDS
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


if __name__ == "__main__":
    sys.exit(run_command(main))
