"""The directory of the record: journals that are written or waiting, and the Parquet files that they became."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from serving.records import journal, parquet_rows
from serving.records.private_files import fsync_directory, locked, remove_left_over, written_beside
from serving.records.row import RecordedRow

_TRIES = 3


@dataclass
class Unreadable:
    """What reading left out.

    Attributes:
        lines: Lines of journals that are no rows: torn ones, by a kill or a power cut.
        files: Parquet files that cannot be read.
    """

    lines: int = 0
    files: int = 0


def record_files(directory: Path) -> list[Path]:
    """The files of rows, oldest first; a journal that has become Parquet is not among them."""
    parquet = {path.stem: path for path in directory.glob(f"*{parquet_rows.ENDING}")}
    journals = {path.stem: path for path in directory.glob(f"*{journal.ENDING}")}
    found = journals | parquet
    return [found[stem] for stem in sorted(found)]


def read_file(path: Path, unreadable: Unreadable) -> list[RecordedRow]:
    """The rows of a file; what is none is counted, and is no error.

    Raises:
        FileNotFoundError: The file is gone.
    """
    if path.suffix == parquet_rows.ENDING:
        try:
            return [*parquet_rows.read_rows(path)]
        except FileNotFoundError:
            raise
        except (OSError, ValueError, TypeError, KeyError):  # pyarrow's errors are ValueErrors
            unreadable.files += 1
            return []
    rows = []
    for row in journal.read_journal(path):
        if row is None:
            unreadable.lines += 1
        else:
            rows.append(row)
    return rows


def read_record(directory: Path, unreadable: Unreadable, *, since: date | None = None) -> Iterator[RecordedRow]:
    """Yields all rows, file by file; a writer may be at work meanwhile.

    Args:
        directory: The directory of the record.
        unreadable: Where to count what was left out.
        since: A day (UTC); files of days before it are passed over. None of them has a row of that day.
    """
    for path in record_files(directory):
        if since is not None and path.name < f"{since:%Y%m%d}":
            continue
        for _ in range(_TRIES):
            try:
                rows = read_file(path, unreadable)
            except FileNotFoundError:  # it has become Parquet just now, or was retained no longer
                path = path.with_suffix(parquet_rows.ENDING)
                continue
            yield from rows
            break


def settle(directory: Path) -> None:
    """Makes Parquet of every journal that nobody writes any more. May be killed at any time, and called again.

    A journal in which nothing can be read stays, for code that can read it, until it is too old. So do single whole
    lines that cannot be read, in a journal of their own beside the Parquet file.

    Raises:
        OSError: There is no room; the journals stay.
    """
    with locked(directory):
        remove_left_over(directory)
        for path in sorted(directory.glob(f"*{journal.ENDING}")):
            if journal.is_open_elsewhere(path):
                continue
            target = path.with_suffix(parquet_rows.ENDING)
            if not target.exists():
                found = [*journal.read_lines(path)]
                rows = [row for _, row in found if row is not None]
                if found and not rows:
                    continue
                if unread := [line for line, row in found if row is None and line.endswith(b"\n")]:
                    with written_beside(path.with_suffix(journal.UNREAD_ENDING)) as beside:
                        beside.write_bytes(b"".join(unread))
                if rows:
                    with written_beside(target) as beside:
                        parquet_rows.write_rows(rows, beside)
            path.unlink()
        fsync_directory(directory)


def retain(directory: Path, *, days: int, most_bytes: int, now: datetime) -> int:
    """Removes files that are too old, and the oldest of too many; returns the bytes that are left.

    A file holds rows of one day (UTC), which begins its name, so that no row is kept longer than `days`.

    Args:
        directory: The directory of the record.
        days: How many days a row may be kept.
        most_bytes: How large all files may be together.
        now: The time.
    """
    oldest = f"{now.astimezone(UTC) - timedelta(days=days):%Y%m%dT%H%M%S}"
    with locked(directory):
        sizes = {path: path.stat().st_size for path in record_files(directory)}
        left = sum(sizes.values())
        for path, size in sizes.items():
            if path.name < oldest or left > most_bytes:
                if path.suffix == journal.ENDING and journal.is_open_elsewhere(path):
                    continue
                path.unlink(missing_ok=True)
                left -= size
    return left
