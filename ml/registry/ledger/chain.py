"""The chain of the ledger's lines: each carries the SHA-256 of the one before it. Pure; no file is read here.

A line that was changed, removed, moved or inserted breaks the chain at the line behind it. Behind the last line there
is none: what the last writer noted in `ledger.head` stands in for it. An entry `chained` vouches for all lines before
it together: it takes over a ledger of older code, whose lines carry no hashes, or accepts one that was corrected.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ml.registry.ledger.entries import CHAINED, parsed_entry

Parse = Callable[[bytes], dict[str, Any]]

FIRST = "0" * 64
"""What the first line carries in place of a hash."""
HEAD_DIGITS = 12
"""How much of a hash a metric shows: 48 bits, which the 53 of a Prometheus value hold exactly."""


@dataclass(frozen=True)
class Head:
    """How many lines a ledger has, and the SHA-256 of the last one without its newline, in hex; `FIRST` without lines.

    `sha256` may be the beginning of the hash only, as a metric shows it.
    """

    lines: int
    sha256: str


@dataclass(frozen=True)
class Fault:
    """A line (counted from 1; 0 when all are missing) and what is wrong with it, as the end of a sentence."""

    line: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line} {self.what}" if self.line else self.what


HEAD_IS_LOST = Fault(0, "ledger.head is missing or damaged, so that nobody can tell whether lines at the end are gone")


@dataclass(frozen=True)
class Chain:
    """What the chain says of a ledger.

    Attributes:
        head: The ledger's length and last line as they are.
        faults: What is wrong, in the order of the lines.
        accepted: What was wrong, and a person took as it was; `reasons` says why.
        reasons: Who accepted it and why, by the line of the acceptance.
        begins: The first line that is chained; 0 when none is, because older code wrote all of them.
    """

    head: Head
    faults: tuple[Fault, ...] = ()
    accepted: tuple[Fault, ...] = ()
    reasons: tuple[str, ...] = ()
    begins: int = 0


def line_sha256(line: bytes) -> str:
    """Return the SHA-256, in hex, of one line without its newline."""
    return hashlib.sha256(line).hexdigest()


def links(lines: Sequence[bytes], noted: Head | None = None) -> dict[str, Any]:
    """Return the fields that chain the next line to `lines`.

    If the last of them are not those that were noted, the next line follows the noted one: the break must stay visible.
    Where no line is left a new ledger begins.
    """
    if lines and noted is not None and noted.sha256 not in map(line_sha256, lines):
        return {"line": noted.lines + 1, "previous": noted.sha256}
    return {"line": len(lines) + 1, "previous": line_sha256(lines[-1]) if lines else FIRST}


def vouching(lines: Sequence[bytes]) -> dict[str, Any]:
    """Return the fields of an entry `chained` that vouches for `lines`."""
    return {"lines": len(lines), "lines_sha256": _sha256_of_all(lines)}


def checked_chain(lines: Sequence[bytes], noted: Head | None = None, parse: Parse = parsed_entry) -> Chain:
    """Check the chain of `lines`, which are without their newlines, against itself and the head that was noted last.

    The head may be older than the ledger, since a writer may die between the two, but not younger. Behind the second
    line that is chained it cannot be missing: the writer of that line would have noted it.
    """
    chain = Chain(Head(len(lines), line_sha256(lines[-1]) if lines else FIRST))
    hashes = [line_sha256(line) for line in lines]
    faults: list[Fault] = []
    before: tuple[int, int] | None = None  # place and own number of the last line that is chained
    chained = 0
    for place, line in enumerate(lines, start=1):
        try:
            entry = parse(line)
        except ValueError as error:
            faults.append(Fault(place, f"is not an entry ({error})"))
            continue
        if entry["event"] == CHAINED:
            if (entry["lines"], entry["lines_sha256"]) != (place - 1, _sha256_of_all(lines[: place - 1])):
                faults.append(Fault(place, _not_vouched_for(entry, place)))
            elif reason := entry.get("reason"):
                said = f"line {place}, {entry['at']}, {entry.get('who', 'unknown')}: {reason}"
                accepted, reasons = (*chain.accepted, *faults), (*chain.reasons, said)
                chain, faults = replace(chain, accepted=accepted, reasons=reasons), []
        elif "previous" in entry:
            faults += _faults_of_link(entry, place, hashes, before)
        elif before is not None:
            faults.append(
                Fault(place, "carries no hash of the line before it: it was inserted by hand, or older code wrote it")
            )
            continue
        else:
            continue  # older code wrote it, and whatever came before
        before = place, int(entry.get("line", place))
        chained += 1
        if not chain.begins:
            chain = replace(chain, begins=place)
    found = HEAD_IS_LOST if noted is None and chained > 1 else _fault_of_head(hashes, noted)
    if found is not None and found.line not in {fault.line for fault in faults}:
        faults.append(found)
    return replace(chain, faults=tuple(sorted(faults, key=lambda fault: fault.line)))


def _faults_of_link(
    entry: Mapping[str, Any], place: int, hashes: Sequence[str], before: tuple[int, int] | None
) -> list[Fault]:
    """Return what is wrong between a line and the one before it, in the words for what probably happened."""
    earlier, previous = hashes[: place - 1], entry["previous"]
    if previous == (earlier[-1] if earlier else FIRST):
        return []
    if before is not None and previous == hashes[before[0] - 1]:
        return []  # between the two are only lines that have a fault of their own
    number = entry.get("line", place)
    if previous in earlier:
        since = earlier.index(previous) + 1
        return [Fault(since + 1, f"was inserted, or moved there: line {place} was written behind line {since}")]
    missing = number - (before[1] if before else 0) - 1
    if missing > 0:
        lost = "1 line is" if missing == 1 else f"{missing} lines are"
        return [Fault(place, f"was written as line {number}: {lost} missing before it")]
    if not earlier or missing < 0:
        return [Fault(place, f"was written as line {number}, behind a line that is not the one before it")]
    return [
        Fault(place - 1, f"was changed: line {place} was written behind other bytes ({_apart(previous, earlier[-1])})")
    ]


def _not_vouched_for(entry: Mapping[str, Any], place: int) -> str:
    if entry["lines"] != place - 1:
        return f"chains the {entry['lines']} lines before it, and there are {place - 1}: some were removed or inserted"
    return f"chains the lines 1 to {place - 1}, and one of them was changed since"


def _fault_of_head(hashes: Sequence[str], noted: Head | None) -> Fault | None:
    """Return what is wrong at the end, which no later line can show."""
    if noted is None or noted.sha256 in hashes:
        return None
    if not hashes:
        return Fault(0, f"all {noted.lines} lines are missing")
    if len(hashes) < noted.lines:
        return Fault(len(hashes), f"is the last one, and {noted.lines} were written: those at the end are missing")
    found = hashes[noted.lines - 1] if noted.lines else FIRST
    return Fault(noted.lines, f"was changed after it was written ({_apart(noted.sha256, found)})")


def fault_against(head: Head, lines: Sequence[bytes]) -> Fault | None:
    """Return what is wrong if a ledger once had this head, which somebody saw elsewhere; None when nothing is."""
    if head.lines > len(lines):
        return Fault(len(lines), f"is the last one, and there were {head.lines}")
    found = line_sha256(lines[head.lines - 1]) if head.lines > 0 else FIRST
    if found.startswith(head.sha256):
        return None
    return Fault(
        head.lines, f"is not the one that was seen ({_apart(head.sha256, found)}): it, or a line before it, was changed"
    )


def head_number(head: Head) -> int:
    """Return the first 48 bits of the head's hash as a number, for a metric."""
    return int(head.sha256[:HEAD_DIGITS], 16)


def _apart(expected: str, found: str) -> str:
    return f"sha256 {expected[:HEAD_DIGITS]}, now {found[:HEAD_DIGITS]}"


def _sha256_of_all(lines: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()
