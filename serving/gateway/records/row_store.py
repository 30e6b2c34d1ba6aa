"""Appends rows to journals that rotate, and counts what could not be written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from serving.gateway.records.options import RecordOptions
from serving.records.journal import Journal
from serving.records.private_files import locked
from serving.records.record_directory import retain, settle
from serving.records.row import RecordedRow

_LARGEST_JOURNAL = 8 << 20
_ROWS_AT_ONCE = 100
_JOURNALS_KEPT = 4
"""The bytes that may be kept hold at least so many journals."""


class RowStore:
    """The files of one writer.

    Args:
        options: What is recorded.
        now: Gives the time.

    Attributes:
        written: Rows that were written.
        dropped: Rows that were not: the disk was full, for example.
        bytes: The bytes of all files, when they were last counted.
        trouble: Why the last rows could not be written; "" when they could.
    """

    def __init__(self, options: RecordOptions, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._options = options
        self._directory = Path(options.directory)
        self._now = now
        self._largest = min(_LARGEST_JOURNAL, options.most_bytes // _JOURNALS_KEPT)
        self._journal: Journal | None = None
        self.written = self.dropped = self.bytes = 0
        self.trouble = ""

    def append(self, rows: Sequence[RecordedRow]) -> None:
        """Writes rows, some at a time; from the first for which there is no room on they are dropped."""
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            self._append(rows[start : start + _ROWS_AT_ONCE])
            if self.trouble:
                self.dropped += max(len(rows) - start - _ROWS_AT_ONCE, 0)
                return

    def _append(self, rows: Sequence[RecordedRow]) -> None:
        lines = b"".join(row.line() for row in rows)
        try:
            self._turn_over()
            with locked(self._directory):
                # Erasing, which holds the lock, leaves a new file under the name.
                if self._journal is not None and not self._journal.is_there:
                    self._journal.close()
                    self._journal = None
                if self._journal is None:
                    self._journal = Journal(self._directory, self._now())
                self._journal.append(lines)
        except OSError as error:
            self.dropped += len(rows)
            self.trouble = error.strerror or str(error)
        else:
            self.written += len(rows)
            self.bytes += len(lines)
            self.trouble = ""

    def look_after(self) -> None:
        """Ends a journal whose day is over, and removes what is too old or too much."""
        try:
            self._turn_over()
            self._tidy()
        except OSError as error:
            self.trouble = error.strerror or str(error)

    def close(self) -> None:
        """Ends the journal and makes Parquet of it."""
        self._end_journal()
        self.look_after()

    def _turn_over(self) -> None:
        journal = self._journal
        if journal is None:
            return
        if journal.size >= self._largest or journal.day != f"{self._now():%Y%m%d}":
            self._end_journal()
            self._tidy()

    def _end_journal(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            try:
                journal.close()
            except OSError as error:
                self.trouble = error.strerror or str(error)

    def _tidy(self) -> None:
        try:
            settle(self._directory)
        finally:  # a full disk may get room this way
            options = self._options
            self.bytes = retain(self._directory, days=options.days, most_bytes=options.most_bytes, now=self._now())
