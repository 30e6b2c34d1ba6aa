"""The file to which rows are appended before they become Parquet: a kill tears its last line at most."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from serving.records.private_files import FILE_MODE
from serving.records.row import NoRowError, RecordedRow

ENDING = ".jsonl"
UNREAD_ENDING = ".unread.jsonl"
"""Of a file with the whole lines of a journal that this code cannot read: newer code may have written them."""


class Journal:
    """A journal that this process writes; it is locked as long as it is open, so that others leave it alone.

    Args:
        directory: Where to make it.
        now: Its time, which begins its name.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, directory: Path, now: datetime) -> None:
        self.path = directory / f"{now.astimezone(UTC):%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(6)}{ENDING}"
        self.day = self.path.name[:8]
        self.size = 0
        self._handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    @property
    def is_there(self) -> bool:
        """Whether the file still has its name: erasing writes a new one in its place."""
        try:
            return self.path.stat().st_ino == os.fstat(self._handle).st_ino
        except OSError:
            return False

    def append(self, lines: bytes) -> None:
        """Appends whole lines, all or none.

        Raises:
            OSError: There is no room for them.
        """
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        except OSError:
            os.ftruncate(self._handle, self.size)  # a disk that is full can still give room back
            raise
        self.size += len(lines)

    def close(self) -> None:
        """Ends writing; what was written reaches the disk for good."""
        try:
            os.fsync(self._handle)
        finally:
            os.close(self._handle)


def is_open_elsewhere(path: Path) -> bool:
    """Whether a process is writing this journal."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def read_journal(path: Path) -> Iterator[RecordedRow | None]:
    """Yields the rows of a journal, and None for each line that is none, such as the torn one at the end."""
    for _, row in read_lines(path):
        yield row


def read_lines(path: Path) -> Iterator[tuple[bytes, RecordedRow | None]]:
    """Yields the lines of a journal with the row that each is; None for one that is none."""
    with path.open("rb") as file:
        for line in file:
            try:
                yield line, RecordedRow.of(line) if line.endswith(b"\n") else None
            except NoRowError:
                yield line, None
