"""The options of the record and of outcomes."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from serving.records.private_files import private_directory

_FEWEST_BYTES = 1 << 20


@dataclass(frozen=True)
class RecordOptions:
    """What is recorded of requests and their answers.

    Attributes:
        directory: Where.
        share: The share of requests, 0 to 1.
        days: How many days a row may be kept.
        most_bytes: How large all files may be together.
        without: Features that are left out.
    """

    directory: str
    share: float
    days: int
    most_bytes: int
    without: tuple[str, ...]

    def line(self) -> bytes:
        """The options as a line for the process that writes."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def of(cls, text: str) -> Self:
        """Reads such a line."""
        found = json.loads(text)
        return cls(**{**found, "without": tuple(found["without"])})


@dataclass(frozen=True)
class WrittenDown:
    """What is written down.

    Attributes:
        record: Of requests; None for nothing.
        outcomes: Where outcomes are kept; None when none are taken.
        outcome_labels: The two words for an outcome, that of a target customer first; None when the version that
            answers has to tell them.
    """

    record: RecordOptions | None = None
    outcomes: Path | None = None
    outcome_labels: tuple[str, str] | None = None

    def make_directories(self) -> None:
        """Makes the directories, for their owner alone.

        Raises:
            DirectoryError: One cannot be made, or others could read it.
        """
        if self.record is not None:
            private_directory(Path(self.record.directory), "--record")
        if self.outcomes is not None:
            private_directory(self.outcomes, "--outcomes")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options to those of the gateway."""
    group = parser.add_argument_group("what is written down (customers' data; nothing unless a directory is named)")
    add = group.add_argument
    add("--record", type=_directory, metavar="DIRECTORY", help="record requests with their answers there")
    add("--record-share", type=float, default=1.0, help="share of requests to record (default: %(default)s)")
    add("--record-days", type=int, default=30, help="days after which a row is removed (default: %(default)s)")
    add("--record-bytes", type=int, default=1 << 30, help="most bytes of all files (default: %(default)s)")
    add("--record-without", action="append", default=[], metavar="COLUMN", help="leave out; may be repeated")
    add("--outcomes", type=_directory, metavar="DIRECTORY", help="take outcomes at /v1/outcomes and keep them there")
    add(
        "--outcome-labels",
        metavar="TARGET,REST",
        help="the two words for an outcome; by default those of the version that answers (D,rest)",
    )


def _directory(text: str) -> Path | None:
    """A directory; None for "", as a compose file says that it wants none."""
    return Path(text) if text else None


def written_down(given: argparse.Namespace, parser: argparse.ArgumentParser) -> WrittenDown:
    """What the command line says; a wrong one ends the process."""
    if not 0 < given.record_share <= 1:
        parser.error(f"--record-share {given.record_share:g} is not above 0 and up to 1.")
    if given.record_days < 1 or given.record_bytes < _FEWEST_BYTES:
        parser.error(f"--record-days has to be at least 1, and --record-bytes at least {_FEWEST_BYTES}.")
    labels = None
    if given.outcome_labels is not None:
        words = [word.strip() for word in given.outcome_labels.split(",")]
        if len(words) != 2 or not all(words) or words[0] == words[1]:
            parser.error(f"--outcome-labels {given.outcome_labels!r} is not two words with a comma, like D,rest.")
        labels = words[0], words[1]
    record = None
    if given.record is not None:
        without = tuple(given.record_without)
        record = RecordOptions(str(given.record), given.record_share, given.record_days, given.record_bytes, without)
    return WrittenDown(record, given.outcomes, labels)
