"""A sample of the record by version and week, drawn by a hash: the same rows each time, in whatever order they come."""

from __future__ import annotations

import hashlib
import heapq
from collections import defaultdict
from datetime import date

from ml.performance.joined import is_version
from serving.records.row import RecordedRow

MOST = 1000
"""Rows of each version and week."""
Place = tuple[str, str]


class TrafficSample:
    """The rows with the smallest hashes of their request and number; memory does not grow with the record."""

    def __init__(self) -> None:
        self._kept: dict[Place, list[tuple[int, str, int, RecordedRow]]] = defaultdict(list)
        self._weeks: dict[str, str] = {}

    def add(self, row: RecordedRow) -> None:
        """Take a row into account; one whose version is not certain is none."""
        if not is_version(row.version):
            return
        kept = self._kept[row.version, self._week(row.time[:10])]
        digest = hashlib.blake2b(f"{row.request_id}\0{row.row}".encode(errors="replace"), digest_size=8).digest()
        found = (-int.from_bytes(digest), row.request_id, row.row, row)
        if len(kept) < MOST:
            heapq.heappush(kept, found)
        elif found[:3] > kept[0][:3]:
            heapq.heapreplace(kept, found)

    def rows(self, version: str, week: str, most: int = MOST) -> list[RecordedRow]:
        """Return at most so many rows of a week, such as "2026-W47"."""
        return [found[-1] for found in sorted(self._kept.get((version, week), ()), reverse=True)[:most]]

    def weeks(self, version: str) -> list[str]:
        """Return the weeks in which a version was asked, the oldest first."""
        return sorted(week for of, week in self._kept if of == version)

    def _week(self, day: str) -> str:
        if day not in self._weeks:
            self._weeks[day] = iso_week(date.fromisoformat(day))
        return self._weeks[day]


def iso_week(day: date) -> str:
    """Return the ISO week of a day, such as "2026-W47"."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"
