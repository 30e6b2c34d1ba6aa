"""Outcomes on disk: a file for each request that was accepted, there as a whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from serving.records.contradictions import Contradictions
from serving.records.outcome import NoOutcomeError, Outcome
from serving.records.private_files import fsync_directory, locked, remove_left_over, written_beside
from serving.records.record_directory import Unreadable

ENDING = ".outcomes"
_HASH_DIGITS = 32


@dataclass(frozen=True)
class KeptOutcome:
    """An outcome as it was kept.

    Attributes:
        outcome: The outcome.
        received: When it came, ISO 8601 in UTC.
        place: The name of its file, and its row there from 1, such as "20261129T174400123456Z-5f3a.outcomes:12".
    """

    outcome: Outcome
    received: str
    place: str


@dataclass(frozen=True)
class Kept:
    """What became of outcomes that were to be kept.

    Attributes:
        name: The file that has them.
        is_repeated: Whether it had them already.
    """

    name: str
    is_repeated: bool


def keep(directory: Path, outcomes: Sequence[Outcome], *, by: str, request_id: str, now: datetime) -> Kept:
    """Writes outcomes to a file of their own; on return they are on the disk for good.

    The same ones, in the same order, are recognised by their hash, which is in the name of the file. It stays the same
    when a customer is erased from the file, so that the old upload does not bring that customer back. When a file that
    came in between may say otherwise of one of them, what is left of them gets a new file: what came last counts.

    Args:
        directory: Where.
        outcomes: The rows.
        by: The name of the token with which they came.
        request_id: The request with which they came.
        now: The time.

    Raises:
        OSError: They cannot be written; nothing of them is kept.
    """
    body = b"".join(outcome.line() for outcome in outcomes)
    found = hashlib.sha256(body).hexdigest()[:_HASH_DIGITS]
    with locked(directory):
        remove_left_over(directory)
        files = outcome_files(directory)
        same = [place for place, path in enumerate(files) if path.name.endswith(f"-{found}{ENDING}")]
        if same:
            last = files[same[-1]]
            if not _is_overturned(outcomes, files[same[-1] + 1 :]):
                fsync_directory(directory)  # whoever wrote it may have been killed before
                return Kept(last.name, is_repeated=True)
            _, _, body = last.read_bytes().partition(b"\n")
        path = directory / f"{now.astimezone(UTC):%Y%m%dT%H%M%S%f}Z-{found}{ENDING}"
        head = {"received": now.astimezone(UTC).isoformat(), "by": by, "request_id": request_id}
        with written_beside(path) as beside:
            beside.write_bytes(json.dumps(head).encode() + b"\n" + body)
    return Kept(path.name, is_repeated=False)


def _is_overturned(outcomes: Sequence[Outcome], later: Sequence[Path]) -> bool:
    """Whether files that came later may say otherwise about one of the outcomes."""
    said = Contradictions(outcomes if later else ())
    for path in later:
        with path.open("rb") as file:
            file.readline()
            for line in file:
                with suppress(NoOutcomeError):
                    if said.has(Outcome.of(line)):
                        return True
    return False


def outcome_files(directory: Path) -> list[Path]:
    """The files, in the order in which they came."""
    return sorted(directory.glob(f"*{ENDING}"))


def read_outcomes(directory: Path, unreadable: Unreadable) -> Iterator[KeptOutcome]:
    """Yields all outcomes in the order in which they came.

    Args:
        directory: Where they are kept.
        unreadable: Where to count lines that are none: somebody else changed a file.
    """
    for path in outcome_files(directory):
        with path.open("rb") as file:
            try:
                received = str(json.loads(file.readline())["received"])
                datetime.fromisoformat(received)
            except (ValueError, KeyError, TypeError, RecursionError):
                unreadable.files += 1
                continue
            for number, line in enumerate(file, start=1):
                try:
                    yield KeptOutcome(Outcome.of(line), received, f"{path.name}:{number}")
                except NoOutcomeError:
                    unreadable.lines += 1
