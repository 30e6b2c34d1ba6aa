"""What one look at the traffic found: a change by its kind and its name, and a sentence that says how large it is."""

from __future__ import annotations

from dataclasses import dataclass

DRIFT, FALL = "drift", "fall"
PREDICTED_SHARE, TARGET_SHARE = "predicted share", "target share"
"""The names of drifts that are not those of a column."""


@dataclass(frozen=True)
class Finding:
    """A change that is larger than chance and the settings allow.

    Attributes:
        kind: DRIFT of the requests, or FALL of the live performance.
        name: The column, one of the two shares, or the metric that fell.
        sentence: What was found.
    """

    kind: str
    name: str
    sentence: str

    @property
    def key(self) -> str:
        """What names it in the ledger, the same every day: kind and name."""
        return f"{self.kind}: {self.name}"
