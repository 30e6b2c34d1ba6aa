"""Why a retraining began: by its schedule, by hand, or because of what the monitoring found. Pure; reads no file.

A finding asks for one retraining, and again when it is still there after a cool-down. What has begun stands in the
ledger, and the day of the look is part of it: an event that Airflow repeats, a look that is repeated after a kill and
a step that is tried again all name the same findings of the same day, and come to one retraining.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Self

from ml.errors import printable
from ml.registry.ledger.entries import TRIGGERED

WEEKLY, BY_HAND = "weekly", "by hand"
MOST_FINDINGS, MOST_CHARACTERS, MOST_DAYS, FIRST_YEAR = 50, 400, 3650, 2000
"""Bounds of what comes from outside."""


@dataclass(frozen=True)
class Trigger:
    """Why a retraining began.

    Attributes:
        kind: WEEKLY, BY_HAND, or "" when findings are the reason.
        day: The day of the look that found something; None otherwise.
        findings: The sentences of the findings by their keys, such as "drift: Age".
        cool_down_days: For so long the same finding starts no other retraining.
    """

    kind: str = BY_HAND
    day: date | None = None
    findings: Mapping[str, str] | None = None
    cool_down_days: int = 0

    @property
    def text(self) -> str:
        """The reason in a few words, such as "drift of Age, Profession; fall of live performance"."""
        if not self.findings:
            return self.kind
        names: dict[str, list[str]] = {}
        for key in self.findings:
            kind, _, name = key.partition(": ")
            names.setdefault(kind, []).append(name)
        return "; ".join(f"{kind} of {', '.join(of_kind)}" for kind, of_kind in names.items())

    def as_dict(self) -> dict[str, Any]:
        """Return the form in which findings travel: from the look over Airflow's event to the run."""
        day = self.day.isoformat() if self.day else None
        return {"day": day, "findings": dict(self.findings or {}), "cool_down_days": self.cool_down_days}

    @classmethod
    def of_findings(cls, content: Any) -> Self:
        """Read what `as_dict` made.

        Raises:
            ValueError: It is not that.
        """
        try:
            findings = {
                printable(str(key))[:MOST_CHARACTERS]: printable(str(text))[:MOST_CHARACTERS]
                for key, text in content["findings"].items()
            }
            day, days = date.fromisoformat(content["day"]), int(content["cool_down_days"])
        except (LookupError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"no findings of a day ({type(error).__name__}: {error})") from error
        if not 0 < len(findings) <= MOST_FINDINGS:
            raise ValueError("no findings, or too many of them")
        if not 0 <= days <= MOST_DAYS or day.year < FIRST_YEAR:
            raise ValueError(f"a cool-down of {days} days, or the day {day}, which cannot be")
        return cls("", day, findings, days)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what somebody gave: one of the two words, or `as_dict` as JSON.

        Raises:
            ValueError: It is none of these.
        """
        if text in (WEEKLY, BY_HAND):
            return cls(text)
        return cls.of_findings(json.loads(text))


def begun_by(
    key: str, day: date, events: Iterable[Mapping[str, Any]], *, cool_down_days: int
) -> Mapping[str, Any] | None:
    """Return the ledger's entry of the last retraining that began for the same finding not long before.

    One of not long after counts, too, since the event of an older look may come late; one of a day that is far ahead,
    which a wrong clock wrote, does not.

    Args:
        key: That of the finding.
        day: The day of the look.
        events: The ledger's, oldest first.
        cool_down_days: How long before and after the day counts.
    """
    around = timedelta(days=cool_down_days)
    begun = [
        event
        for event in events
        if event["event"] == TRIGGERED
        and key in event["findings"]
        and day - around < date.fromisoformat(event["day"]) <= day + around
    ]
    return begun[-1] if begun else None
