"""How far a job has come, by the files that its workers write."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ml.storage.progress import LINE_SECONDS

log = logging.getLogger(__name__)


@contextmanager
def watched(made: Sequence[str], runner: str) -> Iterator[None]:
    """Tell once a minute how many shards are done, if they lie on a disk of this machine.

    Args:
        made: The files that are made, one of each shard.
        runner: The name of the runner.
    """
    places = [Path(path) for path in made]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(LINE_SECONDS):
            log.info("%s: %d of %d shards are done", runner, sum(place.exists() for place in places), len(places))

    if not places or not places[0].parent.is_dir():
        yield
        return
    watcher = threading.Thread(target=watch, name="shards that are done", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
