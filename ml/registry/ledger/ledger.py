"""The append-only record of every version: intent -> published -> confirmed | withdrawn, and what was not promoted.

A rollback writes `rollback` before its first step, and `restored` when a server has confirmed a version that had been
confirmed before; a version that came about otherwise is `adopted`. One JSON object a line. A line is written by one
system call and flushed before anything acts on it; one that a crash cut short is not JSON, was never acknowledged, and
is dropped by the next writer. Writers hold the promotion lock; readers need none.
"""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ml.errors import FinalError
from ml.registry.ledger.entries import (
    ADOPTED,
    CONFIRMED,
    INTENT,
    PUBLISHED,
    SEALED,
    WITHDRAWN,
    parsed_entry,
)
from ml.storage.files import fsync_directory
from ml.storage.strict_json import without_nan


@dataclass(frozen=True)
class Version:
    """What the ledger says of one version: its `state` (the last event) and the intent it began with."""

    number: int
    state: str
    run_id: str
    intent: dict[str, Any]
    last: dict[str, Any]

    @property
    def pending(self) -> bool:
        """Whether the version was begun, and neither accepted nor withdrawn."""
        return self.state in (INTENT, PUBLISHED) and not self.accepted

    @property
    def accepted(self) -> bool:
        """Whether the version may be the champion: a server confirmed it, or its bytes when they were another version.

        A published rollback counts: going back must not depend on the answer of a server.
        """
        return self.state == CONFIRMED or (self.state == PUBLISHED and "rollback_of" in self.intent)

    @property
    def record_sha256(self) -> str:
        """The hash of the release record; "" when nobody has noted one yet."""
        return str(self.intent.get("record_sha256", ""))


class Ledger:
    """Reads and appends to `ledger.jsonl`."""

    def __init__(self, path: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = path
        self._clock = clock

    def events(self) -> list[dict[str, Any]]:
        """Return all acknowledged events, oldest first.

        Raises:
            FinalError: A line is not an entry of a ledger.
        """
        content = self.path.read_bytes() if self.path.exists() else b""
        *lines, tail = content.split(b"\n")
        if _is_entry(tail):  # whole, but for the newline that an editor dropped
            lines.append(tail)
        return list(self._parsed(lines))

    def append(self, event: str, *, run_id: str, **facts: Any) -> dict[str, Any]:
        """Append one event and return it; it is on the disk by then."""
        at = self._clock().isoformat(timespec="seconds")
        entry = without_nan({"event": event, "at": at, "run_id": run_id, "who": _who(), **facts})
        line = (json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n").encode(errors="backslashreplace")
        parsed_entry(line)  # what could not be read again must not be written
        is_new = not self.path.exists()
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            end = _end_of_last_line(handle)
            size = os.fstat(handle).st_size
            if size > end and _is_entry(os.pread(handle, size - end, end)):
                line, end = b"\n" + line, size
            os.ftruncate(handle, end)
            while line:
                written = os.pwrite(handle, line, end)
                line, end = line[written:], end + written
            os.fsync(handle)
        finally:
            os.close(handle)
        if is_new:
            fsync_directory(self.path.parent)
        return dict(entry)

    def versions(self) -> dict[int, Version]:
        """Return every version that was ever begun, by its number."""
        found: dict[int, Version] = {}
        for event in self.events():
            number = event.get("version", 0)
            if event["event"] in (INTENT, ADOPTED):
                state = INTENT if event["event"] == INTENT else CONFIRMED
                found[number] = Version(number, state, event["run_id"], event, event)
            elif event["event"] in (PUBLISHED, CONFIRMED, WITHDRAWN) and number in found:
                begun = found[number]
                found[number] = Version(number, event["event"], begun.run_id, begun.intent, event)
            elif event["event"] == SEALED:
                for key, sha256 in event["records"].items():
                    if sealed := found.get(int(key)):
                        found[int(key)] = replace(sealed, intent={**sealed.intent, "record_sha256": sha256})
        return found

    def champion(self) -> Version | None:
        """Return the version that should be serving: the highest one that was confirmed or gone back to."""
        accepted = [version for version in self.versions().values() if version.accepted]
        return max(accepted, key=lambda version: version.number, default=None)

    def pending(self) -> list[Version]:
        """Return the versions that were begun and neither accepted nor withdrawn."""
        return [version for version in self.versions().values() if version.pending]

    def of_run(self, run_id: str) -> Version | None:
        """Return the last version that this run began."""
        return next((v for v in reversed(list(self.versions().values())) if v.run_id == run_id), None)

    def _parsed(self, lines: list[bytes]) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(lines, start=1):
            try:
                event = parsed_entry(line)
            except ValueError as error:
                raise FinalError(
                    f"{self.path}: line {number} is not an entry ({error}).",
                    "The ledger was edited: restore the file from a backup, or correct that line.",
                ) from error
            yield event


def _is_entry(line: bytes) -> bool:
    try:
        parsed_entry(line)
    except ValueError:
        return False
    return True


def _who() -> str:
    try:
        return os.environ.get("RETRAIN_WHO") or getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no name
        return f"uid {os.getuid()}"


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
