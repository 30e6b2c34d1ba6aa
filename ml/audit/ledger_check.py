"""Check the chain of the ledger, also against what was seen of it elsewhere, and accept it as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ml.config.settings import Settings
from ml.data.outcomes.erasure import erased_sentence, erasure_of
from ml.errors import UNCHANGED, FinalError, NothingToDoError
from ml.registry.ledger.chain import HEAD_DIGITS, Fault, Head, fault_against, head_number
from ml.registry.ledger.file import read_lines
from ml.registry.ledger.ledger import Ledger, LedgerChangedError
from ml.registry.model_registry import locked_registry
from ml.storage.root import Root

_NUMBER = re.compile(r"\d{1,15}(\.\d{1,15}(e\+\d\d)?)?")
"""As Prometheus writes a number, or the exporter's page does: 213044268212739, or 2.13044268212739e+14."""


def seen_head(text: str) -> Head:
    """Return the head that `LINES:NUMBER` names: two values that the metrics had at one time.

    Raises:
        FinalError: The text is something else.
    """
    lines, _, head = text.partition(":")
    number = float(head) if _NUMBER.fullmatch(head) else -1.0
    if not re.fullmatch(r"\d{1,9}", lines) or not number.is_integer() or not 0 <= number < 1 << (4 * HEAD_DIGITS):
        raise FinalError(
            f"--seen {text}: is not LINES:NUMBER.",
            "Take both from one moment: retrain_ledger_entries and, with all its digits, retrain_ledger_head.",
        )
    return Head(int(lines), f"{int(number):0{HEAD_DIGITS}x}")


def verify_ledger(root: Root, *, seen: Sequence[Head] = ()) -> dict[str, Any]:
    """Return what the chain says of the ledger: lines, head, since which line it is chained, and what was accepted.

    `erased` has the day on which a customer was erased from the data of a version, by its number as text.

    Args:
        root: Where the ledger is.
        seen: Heads that it had before, by the metrics or a backup.

    Raises:
        LedgerChangedError: A line was changed, removed, moved or inserted.
    """
    ledger = Ledger(root.ledger)
    chain, lines = ledger.chain(), read_lines(root.ledger)
    faults: list[Fault] = [*chain.faults, *(fault for head in seen if (fault := fault_against(head, lines)))]
    if faults:
        raise LedgerChangedError(root.ledger, faults)
    return {
        "ledger": str(root.ledger),
        "lines": chain.head.lines,
        "head": chain.head.sha256,
        "head_number": head_number(chain.head),
        "chained_from": chain.begins or None,
        "accepted": [str(fault) for fault in chain.accepted],
        "reasons": list(chain.reasons),
        "erased": _erased(root, ledger),
    }


def verified_text(answer: dict[str, Any]) -> str:
    """Return the answer of `verify_ledger` as text for a terminal."""
    if not answer["lines"]:
        return "There is no entry in the ledger yet."
    if answer["chained_from"] is None:
        return f"{answer['lines']} lines, not chained yet: the next command that writes chains them as they are."
    since = " since somebody accepted them" if answer["reasons"] else ""
    said = [
        f"{answer['lines']} lines, chained from line {answer['chained_from']} on; none was changed{since}.",
        f"  head           {answer['head']}",
        f"  metrics        retrain_ledger_entries {answer['lines']}, retrain_ledger_head {answer['head_number']}",
    ]
    accepted = [f"  accepted       {reason}" for reason in answer["reasons"]]
    faults = [f"                 {fault}" for fault in answer["accepted"]]
    erased = [f"  erased         of version {of}: {erased_sentence(day)}" for of, day in answer["erased"].items()]
    return "\n".join([*said, *accepted, *faults, *erased])


def _erased(root: Root, ledger: Ledger) -> dict[str, str]:
    found = {
        str(number): erasure_of(root, str(version.intent.get("data_sha256", "")))
        for number, version in ledger.versions().items()
    }
    return {number: day for number, day in found.items() if day is not None}


def accept_ledger(root: Root, settings: Settings, *, reason: str) -> int:
    """Vouch for the ledger as it is, by an entry with the reason, and return how many faults were accepted.

    Raises:
        NothingToDoError: The chain is not broken.
        FinalError: A line is not an entry.
    """
    with locked_registry(root, settings, who="the acceptance of a changed ledger") as registry:
        if not registry.ledger.chain().faults:
            raise NothingToDoError(UNCHANGED, "The chain of the ledger is not broken.")
        return len(registry.ledger.accept(reason).faults)
