"""`make down`: end exactly what `make up` started."""

from __future__ import annotations

import sys
import time

from ml.storage import locks
from ml.storage.root import Root
from stack.local.errors import StackError, run_command
from stack.local.paths import Places
from stack.local.processes.ports import is_free
from stack.local.processes.process import stop
from stack.local.processes.process_record import Running

PORT_SECONDS = 5.0


def main() -> int:
    """0 when nothing of it runs any more and its ports are free."""
    places = Places(Root.find())
    with locks.hold(places.lock, who="make down", wait_seconds=30):
        running = Running.read(places.running)
        if running is None:
            print("Nothing is up.")
            return 0
        take_down(places)
        taken = [port for port in (running.ui_port, running.serving_port) if not _becomes_free(port)]
    if taken:
        raise StackError(f"All that `make up` started has ended, but somebody else uses port {taken[0]}.")
    print("Down.")
    return 0


def take_down(places: Places) -> None:
    """End the recorded processes with their descendants and forget them.

    Raises:
        StackError: One survived being killed.
    """
    running = Running.read(places.running)
    if running is None:
        return
    for process in stop(running.alive()):
        print(f"  {process.name} (process {process.pid}) did not end when asked and was killed")
    survivors = running.alive()
    if survivors:
        raise StackError(f"Still running: {', '.join(f'{p.name} (process {p.pid})' for p in survivors)}")
    places.running.unlink(missing_ok=True)


def _becomes_free(port: int) -> bool:
    deadline = time.monotonic() + PORT_SECONDS
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


if __name__ == "__main__":
    sys.exit(run_command(main))
