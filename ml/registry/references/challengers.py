"""Kept candidates that challenge the champion on fresh outcomes, and what they take of the budget.

Pure functions of the ledger. A challenger begins with an entry `challenged`, which names its level. That is the one
look that it costs, however often its wealth is looked at afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml.registry.ledger.entries import CHALLENGED, KEPT
from ml.registry.policy.quarantine import quarantine_of
from ml.registry.references.looks import YEAR

Events = Sequence[Mapping[str, Any]]
MOST_FOLLOWED = 8
"""Challengers of one champion: each is scored at each check, and the files of its run are kept."""


@dataclass(frozen=True)
class Challenger:
    """A kept candidate.

    Attributes:
        run_id: The run that made it.
        model_sha256: The hash of its bytes.
        champion: The version that it was compared with, which still serves.
        kept_at: When it was found equal to it, ISO 8601; it was trained before.
        alpha: Its level; None while it has not begun.
    """

    run_id: str
    model_sha256: str
    champion: int
    kept_at: str
    alpha: float | None = None


def challengers(events: Events, champion: int) -> Iterator[Challenger]:
    """Yield the candidates that were found equal to this version and may challenge it, in the order of the ledger.

    Settings do not matter: one of another recipe may be the better one. What is quarantined never challenges.

    Args:
        events: The ledger, oldest first.
        champion: The version that should be serving.
    """
    begun = {str(e["model_sha256"]): float(e["alpha"]) for e in _begun(events) if e["champion"] == champion}
    seen = set(quarantine_of(events).models)
    for event in events:
        if event["event"] != KEPT or event.get("champion") != champion or event.get("baseline", champion) != champion:
            continue
        sha256 = str(event.get("model_sha256"))
        if sha256 not in seen:
            seen.add(sha256)
            yield Challenger(str(event["run_id"]), sha256, champion, str(event["at"]), begun.get(sha256))


def followed(events: Events, champion: int) -> list[Challenger]:
    """Return those that have begun."""
    return [one for one in challengers(events, champion) if one.alpha is not None]


def begun_last_year(events: Events, *, now: datetime) -> int:
    """Return how many began in the last 365 days, beside whichever champion."""
    return sum(1 for _ in _last_year(events, now))


def spent_on_challengers(events: Events, *, now: datetime) -> float:
    """Return the sum of the levels of those that began in the last 365 days: expected false promotions, at most."""
    return sum((float(event["alpha"]) for event in _last_year(events, now)), 0.0)


def challenge_run(model_sha256: str, champion: int) -> str:
    """Return the id of the run that promotes a challenger, the same at each try."""
    return f"challenge-{model_sha256[:12]}-of-{champion}"


def _begun(events: Events) -> Iterator[Mapping[str, Any]]:
    return (event for event in events if event["event"] == CHALLENGED)


def _last_year(events: Events, now: datetime) -> Iterator[Mapping[str, Any]]:
    return (event for event in _begun(events) if datetime.fromisoformat(event["at"]) > now - YEAR)
