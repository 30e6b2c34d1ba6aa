"""The command `python -m serving.gateway erase`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from serving.records.erase import Whom, erase_everywhere

_ROW = re.compile(r"(.+):([0-9]{1,9})")
_OUTSIDE = (
    "Not searched, since nothing here knows of it: lists that somebody downloaded, backups, the training data (python "
    "-m ml erase) and the models made from it, and what was sent to other systems."
)


def main(arguments: Sequence[str]) -> int:
    """Removes a customer from the record and from outcomes, and prints what it did and what it cannot know.

    Returns:
        0, also when nothing was found; 1 when a file could not be searched or written: call it again.
    """
    given = _parse(arguments)
    whom = Whom(given.id, frozenset(given.row))
    for path in (given.record, given.outcomes):
        if path is not None and not path.is_dir():
            sys.stderr.write(f"serving.gateway: {path} is no directory. Name the one that the gateway was given.\n")
            return 1
    try:
        recorded, outcomes = erase_everywhere(given.record, given.outcomes, whom)
    except OSError as error:
        sys.stderr.write(
            f"serving.gateway: {error.filename or given.record or given.outcomes}: {error.strerror or error}. Nothing "
            "is half-written; what was erased so far stays erased. Mend it, and call this again.\n"
        )
        return 1
    said = []
    for path, found, things in ((given.record, recorded, "row"), (given.outcomes, outcomes, "outcome")):
        if path is None:
            said.append(f"no directory of {things}s was named: none was searched.")
            continue
        said.append(f"{path}: erased {_number(found.rows, things)} in {_number(found.files, 'file')}.")
        if found.unnamed and given.id is not None:
            said.append(
                f"  {_number(found.unnamed, things)} left there without a customer's identifier; whose they are is not "
                "known. Erase them by --row REQUEST:ROW."
            )
        if found.unreadable.lines or found.unreadable.files:
            unread = f"{_number(found.unreadable.lines, 'line')} and {_number(found.unreadable.files, 'file')}"
            said.append(f"  {unread} there cannot be read, and were not searched: remove them by hand.")
    sys.stdout.write("\n".join([*said, _OUTSIDE]) + "\n")
    return int(any(found.unreadable.files for found in (recorded, outcomes)))


def _number(count: int, things: str) -> str:
    return f"{count:,} {things}{'' if count == 1 else 's'}"


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving.gateway erase", allow_abbrev=False)
    parser.add_argument("--id", help="identifier of the customer, as files of customers have it")
    parser.add_argument(
        "--row",
        type=_row,
        action="append",
        default=[],
        metavar="REQUEST:ROW",
        help="a row of a request, by its X-Request-Id; may be repeated",
    )
    parser.add_argument("--record", type=Path, help="directory of the record, as the gateway was given it")
    parser.add_argument("--outcomes", type=Path, help="directory of outcomes, as the gateway was given it")
    given = parser.parse_args(arguments)
    if given.id is None and not given.row:
        parser.error("name whom to erase, with --id or --row.")
    if given.record is None and given.outcomes is None:
        parser.error("name where to erase, with --record and --outcomes.")
    return given


def _row(text: str) -> tuple[str, int]:
    found = _ROW.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is not a request and a row, like 5f3a:12")
    return found[1], int(found[2])
