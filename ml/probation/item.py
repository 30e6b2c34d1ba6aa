"""What one check of a version on probation found."""

from __future__ import annotations

from dataclasses import dataclass

KNOWN_ROWS, ERRORS, LATENCY, TARGET_SHARE = "known_rows", "errors", "latency", "target_share"
ITEMS = (KNOWN_ROWS, ERRORS, LATENCY, TARGET_SHARE)
PASSED, NOT_KNOWN, BREACHED = "passed", "not known", "breached"
RESULTS = (PASSED, NOT_KNOWN, BREACHED)


@dataclass(frozen=True)
class Item:
    """One of `ITEMS`, its result, one of `RESULTS`, and a sentence that says why."""

    name: str
    result: str
    sentence: str


def unknown(names: tuple[str, ...], sentence: str) -> list[Item]:
    """Return items of which nothing is known, all for the same reason."""
    return [Item(name, NOT_KNOWN, sentence) for name in names]
