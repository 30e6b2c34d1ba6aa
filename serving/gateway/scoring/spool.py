"""The directory of temporary files: removed with the gateway, and after kill -9 by the next one."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path

_LOCK = ".lock"


class SpoolError(Exception):
    """The directory cannot be used; the message says why and what to do."""


class Spool:
    """A directory of this process below one that several gateways of a user share.

    Each holds a lock on its own as long as it lives; a directory whose lock is free belongs to nobody any more.

    Args:
        root: The shared directory; made if it is not there.

    Raises:
        SpoolError: Others could read or write in it, or it cannot be made.
    """

    def __init__(self, root: Path) -> None:
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            about = root.lstat()
            if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
                raise SpoolError(
                    f"{root}: customers' data would be readable there by others. Make it a directory of your own with "
                    "mode 700, or name another one with --spool."
                )
            # Nobody may look between a directory is made and its lock is held.
            shared = _lock(root / _LOCK, wait=True)
            try:
                _remove_left_over(root)
                self._path = Path(tempfile.mkdtemp(prefix="gateway-", dir=root)).resolve()
                self._held = _lock(self._path / _LOCK, wait=True)
            finally:
                os.close(shared)
        except OSError as error:
            raise SpoolError(
                f"{root}: no temporary files can be kept there ({error.strerror}). Name another directory with --spool."
            ) from error

    def new_directory(self) -> Path:
        """An empty directory for one request; whoever asked for it removes it."""
        return Path(tempfile.mkdtemp(prefix="request-", dir=self._path))

    def close(self) -> None:
        """Removes everything of this process."""
        shutil.rmtree(self._path, ignore_errors=True)
        os.close(self._held)


def _remove_left_over(root: Path) -> None:
    for path in root.glob("gateway-*"):
        try:
            held = _lock(path / _LOCK, wait=False)
        except BlockingIOError:
            continue
        except OSError:  # it was ended before it had a lock
            shutil.rmtree(path, ignore_errors=True)
            continue
        shutil.rmtree(path, ignore_errors=True)
        os.close(held)


def _lock(path: Path, *, wait: bool) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle
