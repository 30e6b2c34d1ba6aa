"""Lets versions go, each on a thread of its own: waiting for the last call of one holds up nobody else."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable

from serving.models.garbage import settle
from serving.models.version import Version

_log = logging.getLogger(__name__)


class Unloading:
    """The versions that are on their way out. `begin` and `finish` are never called at the same time.

    Args:
        patience: how long a version waits for its requests before it is freed all the same, in seconds.
    """

    def __init__(self, *, patience: float = 60.0) -> None:
        self._patience = patience
        self._threads: dict[Version, threading.Thread] = {}
        self._finishing = False

    def begin(self, version: Version) -> None:
        """Lets no new request in; the version is freed when those inside have ended. Waits for nothing."""
        version.retire()
        name = f"serving-unload-{version.model}-{version.number}"
        thread = threading.Thread(target=self._unload, args=(version,), name=name, daemon=True)
        self._threads[version] = thread
        thread.start()

    def finish(self, loaded: Iterable[Version], *, patience: float) -> bool:
        """Frees these versions and those on their way out.

        Args:
            loaded: what no `begin` was called for.
            patience: how long to wait for the requests of all of them together, in seconds.

        Returns:
            False when a call was still running, which fails then, or a thread has not ended yet.
        """
        deadline = time.monotonic() + patience

        def left() -> float:
            return max(deadline - time.monotonic(), 0.0)

        self._finishing = True
        leaving = dict(self._threads)
        idle = [version.unload(patience=left()) for version in (*leaving, *loaded)]
        for thread in leaving.values():
            thread.join(left())
        return all(idle) and not any(thread.is_alive() for thread in leaving.values())

    def _unload(self, version: Version) -> None:
        try:
            version.unload(patience=self._patience)
            if not self._finishing:
                settle()
            _log.info("unloaded %s version %d", version.model, version.number)
        except Exception:
            _log.exception("%s version %d could not be freed", version.model, version.number)
        finally:
            del self._threads[version]
