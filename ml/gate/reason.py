"""A reason of a verdict: a code for machines, a sentence for people, and on which side of the decision it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

CONTEXT = frozenset({"list_change", "power", "level", "baseline", "not_enough_data"})
"""The codes of what a reader needs to weigh a decision, and what neither speaks for the candidate nor against it."""
FOR = frozenset(
    {
        *("thresholds_reached", "better", "no_guard_worse", "refresh_due", "not_worse", "not_worse_than_anchor"),
        *("no_anchor", "incomparable_accepted", "replaces_sample", "approved", "overridden", "hold_ends"),
        "fresh_outcomes",
    }
)
"""The codes of what speaks for the candidate. `first_run` is not among them: it decides either way."""

AGAINST = frozenset(
    {
        *("below_threshold", "leak_suspected", "worse", "guard_worse", "slice_worse", "below_anchor", "calibration"),
        *("selection_rate", "incomparable_champion", "hold", "quarantined"),
    }
)
"""The codes of what speaks against it."""
WARNINGS = frozenset({"calibration_warning", "selection_rate_warning"})
"""The codes of what decides nothing, and should be known of a model that serves."""

BECAUSE, ALTHOUGH, BESIDE = "because", "although", "beside that"


@dataclass(frozen=True)
class Reason:
    """A reason of a verdict: a code for machines, and a sentence with metric, value, bound and baseline for people."""

    code: str
    sentence: str


def bearing(code: str, *, promotes: bool) -> str:
    """Return how a reason stands to the decision about the candidate: `BECAUSE`, `ALTHOUGH` or `BESIDE`."""
    if code in CONTEXT or (code in WARNINGS and not promotes):
        return BESIDE
    return BECAUSE if code == "first_run" or (code in FOR) == promotes else ALTHOUGH


def bearings(reasons: Iterable[Mapping[str, Any]], *, promotes: bool) -> dict[str, str]:
    """Return how each of a verdict's reasons stands to the decision, by its sentence."""
    return {str(one.get("sentence")): bearing(str(one.get("code")), promotes=promotes) for one in reasons}
