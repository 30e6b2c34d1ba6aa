"""The process that writes the record: it reads frames, and may be as slow as the disk; nobody waits for it."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import zlib
from collections import deque

from serving.gateway.records.certain_version import CertainVersion
from serving.gateway.records.frames import FrameReader, Passed, ScoredFile, StatusAsk
from serving.gateway.records.instances import NoRowsError, rows_of
from serving.gateway.records.options import RecordOptions
from serving.gateway.records.row_store import RowStore
from serving.records.row import UNKNOWN, NoRowError, RecordedRow

_READ_BYTES = 1 << 20
_TURN_SECONDS = 0.25
_TOLD_SECONDS = 0.5
_LOOKED_AFTER_SECONDS = 600.0
_MOST_WAITING_BYTES = 32 << 20
_MOST_INFLATED = 256 << 20


class Writer:
    """What the process does with frames.

    Args:
        options: What is recorded.
    """

    def __init__(self, options: RecordOptions) -> None:
        self._without = frozenset(options.without)
        self._versions = CertainVersion()
        self._waiting: deque[Passed] = deque()
        self._waiting_bytes = 0
        self.store = RowStore(options)
        self.taken = self.requests_dropped = 0

    def take(self, frame: StatusAsk | Passed | ScoredFile) -> None:
        """Takes one frame."""
        if isinstance(frame, StatusAsk):
            self._versions.heard(frame)
        elif isinstance(frame, ScoredFile):
            self.taken += frame.is_last
            self._take_scored(frame)
        elif self._waiting_bytes > _MOST_WAITING_BYTES:
            self.taken += 1
            self.requests_dropped += 1
        else:
            self._waiting.append(frame)
            self._waiting_bytes += len(frame.request) + len(frame.answer)

    def write(self, *, all_of_them: bool = False) -> None:
        """Writes the rows of requests whose version is certain, or can be certain no more.

        Args:
            all_of_them: Wait for no version any more.
        """
        rows: list[RecordedRow] = []
        now = time.monotonic()
        while self._waiting:
            passed = self._waiting[0]
            version = self._version(passed, now)
            if version is None and not all_of_them:
                break
            self._waiting.popleft()
            self.taken += 1
            self._waiting_bytes -= len(passed.request) + len(passed.answer)
            try:
                rows += rows_of(passed, version or UNKNOWN, self._without)
            except NoRowsError:
                self.requests_dropped += 1
        self.store.append(rows)

    def _version(self, passed: Passed, now: float) -> str | None:
        if passed.version is not None:
            return str(passed.version) if passed.version else UNKNOWN
        return self._versions.of(passed.model, passed.sent_at, passed.answered_at, now)

    def _take_scored(self, frame: ScoredFile) -> None:
        try:
            text = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(frame.lines, _MOST_INFLATED)
            self.store.append([RecordedRow.of(line) for line in text.splitlines()])
        except (zlib.error, NoRowError):
            self.requests_dropped += 1

    def told(self) -> bytes:
        """The counts as a line."""
        store = self.store
        counts = {"written": store.written, "dropped_rows": store.dropped, "bytes": store.bytes}
        counts |= {"dropped_requests": self.requests_dropped, "taken": self.taken}
        return json.dumps({**counts, "trouble": store.trouble}).encode() + b"\n"


def main(arguments: list[str]) -> int:
    """Writes until standard input ends; what came before is written."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the gateway, which gets them too, closes the input
        signal.signal(number, signal.SIG_IGN)
    os.nice(10)  # whoever answers comes first
    writer = Writer(RecordOptions.of(arguments[0]))
    writer.store.look_after()
    reader = FrameReader()
    told, told_at, looked_after_at = b"", 0.0, time.monotonic()
    ended = False
    while not ended:
        readable, _, _ = select.select([0], [], [], _TURN_SECONDS)
        if readable:
            data = os.read(0, _READ_BYTES)
            ended = not data
            for frame in reader.feed(data):
                writer.take(frame)
        writer.write(all_of_them=ended)
        now = time.monotonic()
        if now - looked_after_at > _LOOKED_AFTER_SECONDS:
            looked_after_at = now
            writer.store.look_after()
        if now - told_at > _TOLD_SECONDS and writer.told() != told:
            told_at, told = now, writer.told()
            _tell(told)
    writer.store.close()
    _tell(writer.told())
    return 0


def _tell(line: bytes) -> None:
    try:
        os.write(1, line)
    except OSError:  # the gateway is gone
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
