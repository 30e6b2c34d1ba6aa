"""Whether the version that should be serving is on probation: a function of the ledger and the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ml.probation.item import BREACHED, PASSED
from ml.registry.intervention.rollback_intent import standing_rollback
from ml.registry.ledger.entries import ADOPTED, CONFIRMED, PROBATION, PUBLISHED
from ml.registry.ledger.ledger import Ledger, Version

ON, LAPSED = "on", "lapsed"
STATES = (ON, PASSED, BREACHED, LAPSED)


@dataclass(frozen=True)
class Period:
    """The probation of a version.

    Attributes:
        version: The champion.
        published: When a server could first see it.
        confirmed: When a server had answered with it; the period begins then.
        until: When it ends.
        state: One of `STATES`. It has lapsed when nobody could check it for as long again as it lasts.
        reason: What the ledger says of its end; "" before.
    """

    version: Version
    published: datetime
    confirmed: datetime
    until: datetime
    state: str
    reason: str = ""


def period_of_champion(ledger: Ledger, *, hours: float, now: datetime) -> Period | None:
    """Return the probation of the version that should be serving.

    None without a champion, or if it needs none: a rollback or an adoption brought it, no server has confirmed it yet,
    or `hours` is 0.
    """
    champion = ledger.champion()
    if champion is None or hours <= 0 or champion.state != CONFIRMED or not _was_promoted(ledger, champion):
        return None
    events = [event for event in ledger.events() if event.get("version") == champion.number]
    times = {event["event"]: datetime.fromisoformat(event["at"]) for event in reversed(events)}  # the first of each
    confirmed = times[CONFIRMED]
    until = confirmed + timedelta(hours=hours)
    decided = next((event for event in events if event["event"] == PROBATION), None)
    if decided is not None:
        state = PASSED if decided["outcome"] == PASSED else BREACHED
    else:
        state = ON if now <= until + timedelta(hours=hours) else LAPSED
    reason = decided["reason"] if decided else ""
    return Period(champion, times.get(PUBLISHED, confirmed), confirmed, until, state, reason)


def _was_promoted(ledger: Ledger, champion: Version) -> bool:
    """Whether a promotion brought the champion, and not a person or a rollback, to itself or to its bytes."""
    if champion.intent["event"] == ADOPTED or champion.intent.get("rollback_of") is not None:
        return False
    standing = standing_rollback(ledger)
    if standing is None:
        return True
    # To give up a newer version that nobody had confirmed is not to go back: the champion stays on its own probation.
    source = ledger.versions().get(standing.source or 0)
    return source is not None and source.number in standing.withdraws and not source.has_served
