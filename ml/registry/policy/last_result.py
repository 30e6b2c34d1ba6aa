"""Which run's result counts when the next one asks whether anything is new: a pure function of the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml.registry.ledger.entries import CONFIRMED, INTENT, KEPT, REJECTED, SAME, WAITING, WITHDRAWN, WITHHELD
from ml.registry.policy import hold, quarantine
from ml.registry.policy.approvals import version_of, was_refused, would_ask


@dataclass(frozen=True)
class LastResult:
    """The run that came to a result last, the ledger's word for the result, and the fingerprint of what went in."""

    run_id: str
    event: str
    at: str
    fingerprint: str


def last_result(
    events: Sequence[Mapping[str, Any]],
    *,
    champion: int | None,
    promotion_is_on: bool,
    approval: str,
    is_held: bool = False,
) -> LastResult | None:
    """Return the last result that a run which would do the same again need not repeat; None when there is none.

    A candidate that was withheld counts only while promotion stays off, or while the hold stands that stopped it, since
    it may be promoted afterwards. One that a quarantine stopped would be stopped again; a version that is quarantined
    since is no result. A candidate that waits for a person, or was refused by one, counts only while a person would
    still be asked. What was judged beside a champion (rejected, kept, same, withheld, waiting, refused) counts only
    beside that champion: beside another one the verdict may differ. A rollback is not a result of a run.

    Args:
        events: The ledger, oldest first.
        champion: The number of the version that should be serving; None before the first.
        promotion_is_on: Whether a candidate that earns promotion would be promoted now.
        approval: `gate.approval` of now.
        is_held: Whether a hold stands (`ml.registry.policy.hold`).
    """
    quarantined = quarantine.quarantine_of(events).models
    intents = {event.get("version"): event for event in events if event["event"] == INTENT}
    for event in reversed(events):
        if event["event"] not in (CONFIRMED, REJECTED, KEPT, SAME, WITHHELD, WAITING):
            continue
        if event["event"] == WAITING and not would_ask(event, approval):
            continue
        if event["event"] == WAITING and _came_to_nothing(events, event):
            continue
        source = intents.get(event.get("version"), {}) if event["event"] == CONFIRMED else event
        if "fingerprint" not in source or (event["event"] == CONFIRMED and source.get("model_sha256") in quarantined):
            continue
        if event["event"] == WITHHELD and promotion_is_on and not _is_withheld_again(event, is_held=is_held):
            continue
        if event["event"] != CONFIRMED and event.get("champion") != champion:
            return None
        refused = was_refused(events, event) if event["event"] == WAITING else None
        result = refused or event
        return LastResult(str(result["run_id"]), result["event"], str(result["at"]), str(source["fingerprint"]))
    return None


def _is_withheld_again(event: Mapping[str, Any], *, is_held: bool) -> bool:
    """Whether what stopped a candidate while promotion was on would stop it now."""
    codes = event.get("codes", ())
    return quarantine.CODE in codes or (hold.CODE in codes and is_held)


def _came_to_nothing(events: Sequence[Mapping[str, Any]], waiting: Mapping[str, Any]) -> bool:
    """Whether a candidate that waited was approved, and the version that came of it was withdrawn."""
    found = version_of(events, str(waiting["run_id"]), str(waiting.get("model_sha256")))
    return found is not None and found[1] == WITHDRAWN
