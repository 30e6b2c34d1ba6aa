"""Files with customers' data: their owner alone may read them, and they appear whole or not at all."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600
_LOCK = ".lock"
_BESIDE = ".part"


class DirectoryError(Exception):
    """A directory cannot be used; the message names it, the fact and the cure."""


def private_directory(path: Path, option: str) -> Path:
    """Makes a directory that its owner alone may read, if it is not there.

    Args:
        path: The directory.
        option: The option with which another one is named.

    Raises:
        DirectoryError: Others could read it, or it cannot be made.
    """
    try:
        path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        about = path.lstat()
    except OSError as error:
        raise DirectoryError(
            f"{path}: it cannot be made or used ({error.strerror}). Name another directory with {option}."
        ) from error
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise DirectoryError(
            f"{path}: customers' data would be readable there by others. Make it a directory of your own with mode "
            f"700, or name another one with {option}."
        )
    return path.resolve()


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keeps others, in other processes too, from changing files of a directory meanwhile."""
    handle = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """A path to write to; it gets its name, on the disk for good, when the block ends without an error.

    What a kill leaves beside is removed by `remove_left_over`. The caller holds the lock of the directory.
    """
    beside = path.with_name(f".{path.name}{_BESIDE}")
    try:
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE))
        yield beside
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
        fsync_directory(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def remove_left_over(directory: Path) -> None:
    """Removes what a kill left half-written; the caller holds the lock."""
    for path in directory.glob(f".*{_BESIDE}"):
        path.unlink(missing_ok=True)


def fsync_directory(directory: Path) -> None:
    """Flushes a directory, so that the names in it survive a power cut."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
