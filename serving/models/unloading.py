"""Unloading versions, each on a thread of its own, so that waiting for the last call of one delays no other."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable

from serving.models.garbage_collection import collect_and_freeze
from serving.models.version import Version

_log = logging.getLogger(__name__)


class Unloader:
    """Unloads versions. `unload` and `finish` must not be called at the same time.

    Args:
        timeout: How long a version waits for its requests before it is freed all the same, in seconds.
    """

    def __init__(self, *, timeout: float = 60.0) -> None:
        self._timeout = timeout
        self._threads: dict[Version, threading.Thread] = {}
        self._finishing = False

    def unload(self, version: Version) -> None:
        """Quiesces a version at once; it is freed when its requests have ended. This call waits for nothing."""
        version.quiesce()
        name = f"serving-unload-{version.model}-{version.number}"
        thread = threading.Thread(target=self._wait_and_free, args=(version,), name=name, daemon=True)
        self._threads[version] = thread
        thread.start()

    def finish(self, loaded: Iterable[Version], *, timeout: float) -> bool:
        """Frees these versions and those that are being unloaded.

        Args:
            loaded: Versions for which `unload` was not called.
            timeout: How long to wait for the requests of all of them together, in seconds.

        Returns:
            Whether all requests and threads ended in time; False when a call was still running, which then fails.
        """
        deadline = time.monotonic() + timeout

        def left() -> float:
            return max(deadline - time.monotonic(), 0.0)

        self._finishing = True
        leaving = dict(self._threads)
        idle = [version.unload(timeout=left()) for version in (*leaving, *loaded)]
        for thread in leaving.values():
            thread.join(left())
        return all(idle) and not any(thread.is_alive() for thread in leaving.values())

    def _wait_and_free(self, version: Version) -> None:
        try:
            version.unload(timeout=self._timeout)
            if not self._finishing:
                collect_and_freeze()
            _log.info("unloaded %s version %d", version.model, version.number)
        except Exception:
            _log.exception("%s version %d could not be freed", version.model, version.number)
        finally:
            del self._threads[version]
