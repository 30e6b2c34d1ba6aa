"""Locks that the kernel releases when their holder dies, so none is ever stale."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ml.errors import FinalError, TransientError
from ml.storage.files import make_directories

POLL_SECONDS = 0.1


@contextmanager
def hold(path: Path, *, who: str, wait_seconds: float) -> Iterator[None]:
    """Hold the exclusive lock `path` for the duration of the block.

    Args:
        path: The lock file; it stays behind, which is harmless: only an open descriptor locks it.
        who: Written into the file, for the message that others get.
        wait_seconds: How long to wait for another holder.

    Raises:
        TransientError: Another process still holds it after `wait_seconds`; the message says which.
        FinalError: A symbolic link stands in its place: writing through it would overwrite what it names.
    """
    make_directories(path.parent)
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        if error.errno != errno.ELOOP or not path.is_symlink():
            raise
        raise FinalError(f"{path}: is a symbolic link, which is never followed.", "Remove the link.") from error
    try:
        _take(handle, path, wait_seconds)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{who} (process {os.getpid()})\n".encode(errors="backslashreplace"), 0)
        yield
    finally:
        os.close(handle)


def is_held(path: Path) -> bool:
    """Return whether some process holds the lock `path` right now."""
    if path.is_symlink() or not path.exists():  # nobody locks through a link
        return False
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:  # a directory, or somebody else's: what cannot be told to be free is not free
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _take(handle: int, path: Path, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = os.pread(handle, 500, 0).decode(errors="replace").strip() or "another process"
                raise TransientError(
                    f"{path}: held by {holder}; waited {wait_seconds:g} s.",
                    "Wait until that has ended, then repeat. The lock is released when its holder ends.",
                ) from None
            time.sleep(min(POLL_SECONDS, wait_seconds or POLL_SECONDS))
        except OSError as error:  # which does not know the path
            raise OSError(error.errno, error.strerror, str(path)) from error
        else:
            return
