"""The bytes of a ledger: its lines, how one is appended, and the note of its head beside it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ml.errors import FinalError
from ml.registry.ledger.chain import Head
from ml.registry.ledger.entries import parsed_entry
from ml.storage.files import fsync_directory, write_json


def read_lines(path: Path) -> list[bytes]:
    """Return the acknowledged lines without their newlines; one that a crash cut short is not among them.

    Raises:
        FinalError: Something stands there that is no file, and of which a read might never end.
    """
    _check_regular(path)
    content = path.read_bytes() if path.exists() else b""
    *lines, tail = content.split(b"\n")
    if is_entry(tail):  # whole, but for the newline that an editor dropped
        lines.append(tail)
    return lines


def append_line(path: Path, line: bytes) -> None:
    """Append a line, without its newline, so that it is on the disk; a torn one is overwritten."""
    _check_regular(path)
    content = line + b"\n"
    is_new = not path.exists()
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        end = _end_of_last_line(handle)
        size = os.fstat(handle).st_size
        if size > end and is_entry(os.pread(handle, size - end, end)):
            content, end = b"\n" + content, size
        os.ftruncate(handle, end)
        while content:
            written = os.pwrite(handle, content, end)
            content, end = content[written:], end + written
        os.fsync(handle)
    finally:
        os.close(handle)
    if is_new:
        fsync_directory(path.parent)


def is_entry(line: bytes) -> bool:
    """Return whether a line, which may be torn, is one that can be read."""
    try:
        parsed_entry(line)
    except ValueError:
        return False
    return True


def head_file(path: Path) -> Path:
    """Return the file beside the ledger in which its writers note its head."""
    return path.with_name("ledger.head")


def note_head(path: Path, head: Head) -> None:
    """Note the head of the ledger at `path`, after the line that it names is on the disk."""
    write_json(head_file(path), {"lines": head.lines, "sha256": head.sha256})


def noted_head(path: Path) -> Head | None:
    """Return the head that was noted last; None when none was, or the note is damaged: it only repeats the ledger."""
    try:
        found = json.loads(head_file(path).read_bytes())
        return Head(int(found["lines"]), str(found["sha256"]))
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return None


def _check_regular(path: Path) -> None:
    if path.exists() and not (path.is_file() or path.is_dir()):  # of a directory the system's own error speaks
        raise FinalError(f"{path} is not a regular file.", "Move it away, and restore the ledger from a backup.")


def _end_of_last_line(handle: int) -> int:
    """Return the offset behind the last newline, so that a torn line is overwritten."""
    position = os.fstat(handle).st_size
    while position > 0:
        start = max(0, position - 4096)
        newline = os.pread(handle, position - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        position = start
    return 0
