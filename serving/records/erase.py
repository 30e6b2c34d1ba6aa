"""Removes customers from the record and from outcomes, file by file; each file changes as a whole or not at all."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

from serving.records import journal, kept_lists, parquet_rows
from serving.records.customer_key import customer_key
from serving.records.outcome import NoOutcomeError, Outcome
from serving.records.outcome_files import outcome_files
from serving.records.private_files import locked, remove_left_over, written_beside
from serving.records.record_directory import Unreadable, read_file
from serving.records.row import RecordedRow


@dataclass(frozen=True)
class Whom:
    """Whom to erase.

    Attributes:
        customer: The identifier of a customer; None for none.
        rows: Request identifiers with row numbers.
    """

    customer: str | None
    rows: frozenset[tuple[str, int]] = frozenset()

    def is_in(self, row: RecordedRow | Outcome) -> bool:
        """Whether a row is about them."""
        if self.is_customer(row.customer):
            return True
        return row.request_id is not None and row.row is not None and (row.request_id, row.row) in self.rows

    def is_customer(self, identifier: str | None) -> bool:
        """Whether an identifier is that of the customer, however the file wrote it."""
        if self.customer is None or identifier is None:
            return False
        return customer_key(identifier) == customer_key(self.customer)


@dataclass
class Erased:
    """What was erased.

    Attributes:
        rows: Rows that were removed.
        keys: Request identifiers and row numbers of them.
        files: Files that were changed.
        unnamed: Rows without the identifier of a customer, which may be about anybody.
        unreadable: What could not be read, and so not be searched.
    """

    rows: int = 0
    keys: set[tuple[str, int]] = field(default_factory=set)
    files: int = 0
    unnamed: int = 0
    unreadable: Unreadable = field(default_factory=Unreadable)


def erase_recorded(directory: Path, whom: Whom) -> Erased:
    """Erases rows of the record. A gateway may record meanwhile; a kill is made good by calling again.

    Raises:
        OSError: A file cannot be read or written anew; it stays as it is.
    """
    erased = Erased()
    with locked(directory):
        remove_left_over(directory)
        # A journal that has become Parquet, and was not removed yet, has the rows still: all files are searched.
        for path in sorted((*directory.glob(f"*{journal.ENDING}"), *directory.glob(f"*{parquet_rows.ENDING}"))):
            rows = read_file(path, erased.unreadable)
            left = [row for row in rows if not whom.is_in(row)]
            erased.unnamed += sum(row.customer is None for row in left)
            if len(left) == len(rows):
                continue
            erased.rows += len(rows) - len(left)
            erased.files += 1
            erased.keys |= {(row.request_id, row.row) for row in rows if whom.is_in(row)}
            with written_beside(path) as beside:
                if path.suffix == parquet_rows.ENDING:
                    parquet_rows.write_rows(left, beside)
                else:
                    # What cannot be read here stays for code that can: it is told as not searched.
                    lines = [line for line, row in journal.read_lines(path) if row is None or not whom.is_in(row)]
                    beside.write_bytes(b"".join(line for line in lines if line.endswith(b"\n")))
    return erased


def erase_outcomes(directory: Path, whom: Whom) -> Erased:
    """Erases outcomes; as `erase_recorded`. A file without an outcome any more keeps its name: it is still recognised.

    Raises:
        OSError: A file cannot be read or written anew; it stays as it is.
    """
    erased = Erased()
    with locked(directory):
        remove_left_over(directory)
        for path in outcome_files(directory):
            head, *lines = path.read_bytes().splitlines(keepends=True) or [b""]
            left = [line for line in lines if not _is_about(line, whom, erased)]
            if len(left) == len(lines):
                continue
            erased.rows += len(lines) - len(left)
            erased.files += 1
            with written_beside(path) as beside:
                beside.write_bytes(head + b"".join(left))
    return erased


def _is_about(line: bytes, whom: Whom, erased: Erased) -> bool:
    try:
        outcome = Outcome.of(line)
    except NoOutcomeError:
        erased.unreadable.lines += 1
        return False
    if not whom.is_in(outcome):
        erased.unnamed += outcome.customer is None
        return False
    if outcome.request_id is not None and outcome.row is not None:
        erased.keys.add((outcome.request_id, outcome.row))
    return True


def erase_kept(lists: Path, whom: Whom) -> Erased:
    """Removes kept lists that have a customer, each as a whole: what the page notes of a file is about all its rows.

    `rows` are those of the customers in the records of the lists, `files` the lists.

    Raises:
        OSError: A list cannot be removed.
    """
    erased = Erased()
    kept_lists.remove_left_over(lists)
    for place in kept_lists.kept_places(lists):
        rows = [
            row
            for path in sorted(place.glob(f"*{parquet_rows.ENDING}"))
            for row in read_file(path, erased.unreadable)
            if whom.is_in(row)
        ]
        customers: list[str | None] = []
        try:
            customers += kept_lists.customers_of(place)
        except (OSError, ValueError, KeyError, TypeError, IndexError, csv.Error):
            erased.unreadable.files += 1
        if not rows and not any(map(whom.is_customer, customers)):
            erased.unnamed += customers.count(None)
            continue
        kept_lists.remove(place)
        erased.rows += len(rows)
        erased.files += 1
        erased.keys |= {(row.request_id, row.row) for row in rows}
    return erased


def erase_everywhere(
    record: Path | None, outcomes: Path | None, whom: Whom, lists: Path | None = None
) -> tuple[Erased, Erased, Erased]:
    """Erases customers from all, and what is under the same request and row, until nothing more is found.

    The record and kept lists may know by which row a customer is meant in outcomes, and the other way round.

    Args:
        record: The directory of the record; None when there is none.
        outcomes: That of outcomes; None when there is none.
        whom: Whom to erase.
        lists: That of kept lists; None when there is none.

    Returns:
        What was erased from the record, from outcomes, and from kept lists.
    """
    places = ((record, erase_recorded), (outcomes, erase_outcomes), (lists, erase_kept))
    keys = set(whom.rows)
    found = [Erased() for _ in places]
    while True:
        also = Whom(whom.customer, frozenset(keys))
        now = [erase(place, also) if place is not None else Erased() for place, erase in places]
        found = [_summed(before, more) for before, more in zip(found, now, strict=True)]
        keys |= {key for more in now for key in more.keys}
        if not any(more.files for more in now):
            return found[0], found[1], found[2]


def _summed(before: Erased, now: Erased) -> Erased:
    return Erased(before.rows + now.rows, before.keys | now.keys, before.files + now.files, now.unnamed, now.unreadable)
