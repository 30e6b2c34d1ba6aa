"""A reason of a verdict: a code for machines and a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """A reason of a verdict: a code for machines, and a sentence with metric, value, bound and baseline for people."""

    code: str
    sentence: str
