"""Removes a customer from the rows that outcomes added to data sets: of runs, and of versions that are kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ml.config.settings import Settings
from ml.data.outcomes.erasure import forget_half_written_notes, note_erasure
from ml.data.outcomes.outcome_rows import NAME, outcomes_beside, rewrite_without, rows_about
from ml.errors import TransientError
from ml.performance.joined import Key
from ml.registry.model_registry import locked_registry
from ml.storage import files, locks
from ml.storage.artifact import RECORD
from ml.storage.root import Root
from serving.records.customer_key import customer_key

log = logging.getLogger(__name__)
_WHO = "erasing a customer"
_HALF_MADE = (".ingest.making", ".train.making", ".transform.making/train.parquet")
"""What a killed step may have left in the directory of a run with rows of the data in it."""


@dataclass(frozen=True)
class Whom:
    """Whom to erase: a customer by the identifier, if there is one, and rows of requests."""

    customer: str | None
    rows: frozenset[Key] = frozenset()

    @property
    def customers(self) -> frozenset[str]:
        """The identifier in the form in which the rows have it."""
        return frozenset() if self.customer is None else frozenset({customer_key(self.customer)})


@dataclass
class Erased:
    """What was erased.

    Attributes:
        rows: How many rows went, counted in each place.
        places: Where they were, in words.
        data: The hashes of the data sets that can no longer be made again.
        busy: Why a place could not be searched: another process is at work there.
    """

    rows: int = 0
    places: list[str] = field(default_factory=list)
    data: set[str] = field(default_factory=set)
    busy: list[TransientError] = field(default_factory=list)


def erase(root: Root, settings: Settings, whom: Whom, *, now: datetime) -> Erased:
    """Remove the rows; it may be killed and repeated at any time, and a repetition changes nothing more.

    Of each data set that had such a row, first a note is written that a customer was erased from it, and last its file;
    so a kill in between leaves rows that the next call finds. With the row go the transformed rows of that run, which
    can be made again only of data that are whole. data.csv is never touched: it is the file of whoever supplied it.

    Args:
        root: Where runs and kept data are.
        settings: `promote.lock_wait_seconds` says how long to wait for a step, or a promotion, that is at work.
        whom: Whom to erase.
        now: The time.

    Returns:
        What was erased. What is `busy` was not searched: call again.

    Raises:
        TransientError: Another process is erasing somebody.
        OSError: A file cannot be read or written anew; it stays as it is.
    """
    erased, wait = Erased(), settings.promote.lock_wait_seconds
    with locks.hold(root.path / "erase.lock", who=_WHO, wait_seconds=wait):
        forget_half_written_notes(root)
        for run in _runs(root):
            try:
                with locks.hold(run / ".lock", who=_WHO, wait_seconds=wait):
                    _of_run(root, run, whom, now, erased)
            except TransientError as error:
                erased.busy.append(error)
        try:
            with locked_registry(root, settings, who=_WHO):
                _kept(root, whom, now, erased)
        except TransientError as error:
            erased.busy.append(error)
    return erased


def _runs(root: Root) -> Iterator[Path]:
    """Yield the directories of runs, also of those that begin meanwhile."""
    seen: set[Path] = set()
    while new := [run for run in files.children(root.runs) if run not in seen]:
        seen.update(new)
        yield from (run for run in new if run.is_dir() and not run.is_symlink())


def _of_run(root: Root, run: Path, whom: Whom, now: datetime, erased: Erased) -> None:
    for name in _HALF_MADE:  # nobody makes them while the lock is ours
        files.remove_directory(run / name, root.trash)
    sha256 = str(files.json_object(run / "ingest" / RECORD).get("sha256", ""))
    found = _about(run / "ingest" / "data.csv", whom)
    if not found:
        return
    note_erasure(root, sha256, at=now)
    files.remove_directory(run / "transform", root.trash)
    _rewrite(run / "ingest", whom)
    _tell(erased, found, f"run {run.name}", sha256)


def _kept(root: Root, whom: Whom, now: datetime, erased: Erased) -> None:
    for place in files.children(root.staging):
        if outcomes_beside(place / "data.csv"):  # a promotion that was killed while it copied
            files.remove_directory(place, root.trash)
    for place in files.children(root.data):
        found = _about(place / "data.csv", whom)
        if not found:
            continue
        note_erasure(root, place.name, at=now)
        _rewrite(place, whom)
        _tell(erased, found, f"data {place.name[:12]}", place.name)


def _about(csv: Path, whom: Whom) -> int:
    """How many rows beside a data.csv are about them; what a killed rewriting left there is removed."""
    for left_over in csv.parent.glob(f".{NAME}.*.tmp"):
        left_over.unlink(missing_ok=True)
    path = outcomes_beside(csv)
    return 0 if path is None else rows_about(path, whom.customers, whom.rows)


def _rewrite(place: Path, whom: Whom) -> None:
    rewrite_without(place / NAME, whom.customers, whom.rows)


def _tell(erased: Erased, rows: int, place: str, sha256: str) -> None:
    erased.rows += rows
    erased.places.append(place)
    erased.data.add(sha256)
    log.info("erased from %s", place)
