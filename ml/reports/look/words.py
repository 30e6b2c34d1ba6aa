"""Numbers as people say them."""

from __future__ import annotations

from collections.abc import Sequence

from ml.registry.policy.provenance import SAMPLE, in_words

PEOPLE_SAY = (
    (1 / 10, "one of ten"), (1 / 5, "one of five"), (1 / 4, "one of four"), (1 / 3, "one of three"),
    (2 / 5, "two of five"), (1 / 2, "half"), (3 / 5, "three of five"), (2 / 3, "two of three"),
    (3 / 4, "three of four"), (4 / 5, "four of five"), (9 / 10, "nine of ten"),
)  # fmt: skip
NEAR = 0.02
EDGE = 0.015
"""So near to all or none a share is called so."""


def as_people_say(share: float) -> str:
    """Return a share of 0..1 as the fraction that people would use for it, or in per cent where none is near."""
    if share >= 1 - EDGE:
        return "all" if share == 1 else "nearly all"
    if share <= EDGE:
        return "none" if share == 0 else "hardly any"
    near, words = min(PEOPLE_SAY, key=lambda one: abs(one[0] - share))
    return f"about {words}" if abs(near - share) <= NEAR else f"about {100 * share:.0f} %"


def percent(share: float) -> str:
    """Return a share in whole per cent; a small one with a decimal; what is not none or all is not called so."""
    if 0 < share < 0.001:
        return "under 0.1 %"
    if 0.995 <= share < 1:
        return f"{100 * share:.1f} %" if share < 0.9995 else "over 99.9 %"
    return f"{100 * share:.1f} %" if 0 < share < 0.095 else f"{100 * share:.0f} %"


def interval(both: Sequence[float]) -> str:
    """Return an interval of shares."""
    return f"{percent(both[0])} to {percent(both[1])}"


def named(names: Sequence[str]) -> str:
    """Return names as one enumeration."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def counted(number: int, one: str, many: str = "") -> str:
    """Return how many of something there are."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def with_percent(share: float) -> str:
    """Return a share as people say it, and the per cent behind it unless these are the words."""
    words = as_people_say(share)
    return words if words.endswith("%") else f"{words} ({percent(share)})"


def rounded(amount: float) -> float:
    """Return an amount of money with two digits that say something, as people name it."""
    return float(f"{amount:.2g}")


def signed(value: float) -> str:
    """Return a difference with its sign."""
    return f"{value:+.3f}".replace("-", "\u2212")


def data_words(source: object, kind: object, rows: object) -> str:
    """Return what data are called: how many rows of which source."""
    called = in_words(SAMPLE) if kind == SAMPLE else str(source or "a source that nobody noted")
    return f"{rows:,} rows of {called}" if isinstance(rows, int) else called
