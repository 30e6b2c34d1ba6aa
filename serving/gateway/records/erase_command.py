"""The command `python -m serving.gateway erase`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from serving.records.erase import Erased, Whom, erase_everywhere

_ROW = re.compile(r"(.+):([0-9]{1,9})")
_OUTSIDE = (
    "Not searched, since nothing here knows of it: lists that somebody downloaded or has open on the page, "
    "backups, the training data (python -m ml erase) and the models made from it, and what was sent to other systems."
)


def main(arguments: Sequence[str]) -> int:
    """Removes a customer from the record, outcomes and kept lists, and prints what it did and what it cannot know.

    Returns:
        0, also when nothing was found; 1 when a file could not be searched or written: call it again.
    """
    given = _parse(arguments)
    whom = Whom(given.id, frozenset(given.row))
    places = (given.record, given.outcomes, given.lists)
    for path in places:
        if path is not None and not path.is_dir():
            sys.stderr.write(f"serving.gateway: {path} is no directory. Name the one that the gateway was given.\n")
            return 1
    try:
        found = erase_everywhere(given.record, given.outcomes, whom, given.lists)
    except OSError as error:
        where = error.filename or next(path for path in places if path)
        sys.stderr.write(
            f"serving.gateway: {where}: {error.strerror or error}. Nothing "
            "is half-written; what was erased so far stays erased. Mend it, and call this again.\n"
        )
        return 1
    said = []
    for path, erased, things in zip(places, found, ("row", "outcome", "kept list"), strict=True):
        if path is None:
            said.append(f"no directory of {things}s was named: none was searched.")
            continue
        said.append(f"{path}: {_erased(erased, things)}")
        if erased.unnamed and given.id is not None:
            unnamed = "row" if things == "kept list" else things
            said.append(
                f"  {_number(erased.unnamed, unnamed)} left there without a customer's identifier; whose they are is "
                "not known. Erase them by --row REQUEST:ROW."
            )
        if erased.unreadable.lines or erased.unreadable.files:
            unread = f"{_number(erased.unreadable.lines, 'line')} and {_number(erased.unreadable.files, 'file')}"
            said.append(f"  {unread} there cannot be read, and were not searched: remove them by hand.")
    sys.stdout.write("\n".join([*said, _OUTSIDE]) + "\n")
    return int(any(erased.unreadable.files for erased in found))


def _erased(erased: Erased, things: str) -> str:
    if things != "kept list":
        return f"erased {_number(erased.rows, things)} in {_number(erased.files, 'file')}."
    if not erased.files:
        return "no kept list has the customer."
    return (
        f"removed {_number(erased.files, things)} as a whole, with {_number(erased.rows, 'row')} in their records: "
        "what is noted of such a list cannot be told apart by customers. Whoever kept it may send the file again."
    )


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
    parser.add_argument("--lists", type=Path, help="directory of kept lists; one with the customer is removed whole")
    given = parser.parse_args(arguments)
    if given.id is None and not given.row:
        parser.error("name whom to erase, with --id or --row.")
    if given.record is None and given.outcomes is None and given.lists is None:
        parser.error("name where to erase, with --record, --outcomes and --lists.")
    return given


def _row(text: str) -> tuple[str, int]:
    found = _ROW.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is not a request and a row, like 5f3a:12")
    return found[1], int(found[2])
