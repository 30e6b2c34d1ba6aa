"""A reason of a verdict: a code for machines and a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass

CONTEXT = frozenset({"list_change", "power", "level", "baseline", "not_enough_data"})
"""The codes of what a reader needs to weigh a decision, and what neither speaks for the candidate nor against it."""


@dataclass(frozen=True)
class Reason:
    """A reason of a verdict: a code for machines, and a sentence with metric, value, bound and baseline for people."""

    code: str
    sentence: str
