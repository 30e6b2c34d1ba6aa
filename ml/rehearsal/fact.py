"""What the product said and left behind under a fault: the lines of the rehearsal's table."""

from __future__ import annotations

from dataclasses import dataclass

SHOWN_LETTERS = 150
"""The letters of one fact that are shown; reasons of the product may be long."""


@dataclass(frozen=True)
class Fact:
    """What the product said or left behind, in words, and whether that is as it should be."""

    text: str
    ok: bool = True

    @property
    def shown(self) -> str:
        """The fact in one short sentence, which says so when it is not as it should be."""
        text = self.text.rstrip(".")
        text = text if len(text) <= SHOWN_LETTERS else f"{text[:SHOWN_LETTERS].rstrip()} ..."
        return text if self.ok else f"WRONG: {text}"


@dataclass(frozen=True)
class Line:
    """What happened to the product under a fault, and how long that took."""

    fault: str
    should: str
    facts: tuple[Fact, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every fact is as it should be. Nothing seen is nothing proven."""
        return bool(self.facts) and all(fact.ok for fact in self.facts)

    @property
    def happened(self) -> str:
        """The facts in one sentence."""
        return "; ".join(fact.shown for fact in self.facts)
