"""The hold after a rollback, in which nothing is promoted by itself: a pure function of the ledger's events.

It begins with a rollback that quarantines what it goes back from, and ends when somebody releases it, at the time that
the rollback's entry names, or when a candidate that was found better than the quarantined version is confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ml.registry.ledger.entries import CONFIRMED, INTENT, RELEASED, ROLLBACK

CODE = "hold"
"""The reason code of a candidate that a hold stops."""


@dataclass(frozen=True)
class Hold:
    """A hold that stands.

    Attributes:
        since: When it began, as in the ledger.
        until: When it ends by itself.
        version: The version that was gone back from.
        model_sha256: The hash of its bytes; a candidate that is better than them may be promoted.
        reason: Why somebody went back.
    """

    since: str
    until: datetime
    version: int
    model_sha256: str
    reason: str

    @property
    def day(self) -> str:
        """When it ends, for people."""
        return f"{self.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

    def against(self) -> str:
        """Return why a candidate is not promoted while it stands, and the way out, as sentences."""
        return (
            f"Held until {self.day}, since version {self.version} was gone back from ({self.reason.rstrip('.')}). "
            "Until then nothing is promoted by itself unless it is found better than that version. "
            "End the hold before: python -m ml release --reason '...'"
        )


def standing_hold(events: Sequence[Mapping[str, Any]], *, now: datetime) -> Hold | None:
    """Return the hold that stands; None when nothing is held.

    Of several rollbacks the last one counts. An entry of older code begins no hold.

    Args:
        events: The ledger, oldest first.
        now: A time with its zone.
    """
    hold: Hold | None = None
    better_than: dict[int, str] = {}
    for event in events:
        if event["event"] == ROLLBACK and event.get("quarantines") and event.get("until"):
            quarantined = {int(number): str(sha256) for number, sha256 in event["quarantines"].items()}
            version, until = max(quarantined), datetime.fromisoformat(event["until"])
            hold = Hold(str(event["at"]), until, version, quarantined[version], str(event.get("reason", "")))
        elif event["event"] == RELEASED:
            hold = None
        elif event["event"] == INTENT and event.get("better_than"):
            better_than[event["version"]] = event["better_than"]
        elif event["event"] == CONFIRMED and hold and better_than.get(event["version"]) == hold.model_sha256:
            hold = None
    return hold if hold is not None and now < hold.until else None
