"""How often the evaluation rows were asked before: every look at them spends some of the budget of false promotions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ml.registry.ledger.entries import INTENT, LOOKED
from ml.registry.references.ancestry import BEGINS_ANEW

YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Looks:
    """Earlier looks at the same evaluation rows, without the one that is about to be made.

    Attributes:
        last_year: Those of the last 365 days by candidates of this kind: of the champion's recipe, or of another one.
        since_champion: Those since the baseline came.
        of_others: Those of the last 365 days by candidates of the other kind.
        first_at: When the first was made, as in the ledger; "" without one.
    """

    last_year: int
    since_champion: int
    of_others: int
    first_at: str


def earlier_looks(
    events: Sequence[Mapping[str, Any]],
    *,
    holdout: str,
    evaluation: str,
    recipe_is_new: bool,
    baseline: int,
    now: datetime,
) -> Looks:
    """Count the looks at these evaluation rows since the count last began anew.

    Args:
        events: The ledger, oldest first, with the intents of versions that served only.
        holdout: Identifies the evaluation rows.
        evaluation: The hash of the evaluation that is judged; a look at it by an earlier try is this look.
        recipe_is_new: Whether this candidate was made by other settings than the champion.
        baseline: The version that the candidate is compared with.
        now: The end of the last 365 days.
    """
    begins = [place for place, e in enumerate(events) if e["event"] == INTENT and e.get("decision") in BEGINS_ANEW]
    came = [place for place, e in enumerate(events) if e["event"] == INTENT and e["version"] == baseline]
    looks = [
        (place, event)
        for place, event in enumerate(events)
        if event["event"] == LOOKED
        and event["holdout"] == holdout
        and event["evaluation_sha256"] != evaluation
        and place > max(begins, default=-1)
    ]
    recent = [event for _, event in looks if datetime.fromisoformat(event["at"]) > now - YEAR]
    of_this_kind = sum(bool(event.get("recipe_is_new")) == recipe_is_new for event in recent)
    return Looks(
        of_this_kind,
        sum(place > max(came, default=-1) for place, _ in looks),
        len(recent) - of_this_kind,
        str(looks[0][1]["at"]) if looks else "",
    )


def last_refresh(events: Sequence[Mapping[str, Any]], decision: str, *, now: datetime) -> datetime | None:
    """Return when a version was last promoted by this decision; None when none ever was.

    A time after `now` is of a clock that was wrong, and must not put off the next refresh for years.
    """
    begun = [e["at"] for e in events if e["event"] == INTENT and e.get("decision") == decision]
    return max((at for at in map(datetime.fromisoformat, begun) if at <= now), default=None)
