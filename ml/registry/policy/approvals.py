"""What people decided about candidates: who waits, who was approved or refused, and which override stands.

Pure functions of the ledger. A decision is about the bytes of the candidate: a run that was made anew is asked anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ml.config.overrides import APPROVALS
from ml.registry.ledger.entries import (
    APPROVED,
    CONFIRMED,
    INTENT,
    NEVER_PUBLISHED,
    OVERRIDDEN,
    PUBLISHED,
    REFUSED,
    WAITING,
    WITHDRAWN,
)
from ml.registry.policy.quarantine import quarantine_of

Event = Mapping[str, Any]
Events = Sequence[Event]

DECISIONS = (WAITING, APPROVED, REFUSED)
STALE = "stale"
"""What a candidate is called that waited, and about which nobody can decide any more."""


def would_ask(waiting: Event, approval: str) -> bool:
    """Return whether a person would be asked about a candidate that waited, under this `gate.approval`.

    The entry says from which value on; one that cannot be read would be asked about under every value but the first.
    """
    asked_from = waiting.get("asked_from")
    first = APPROVALS.index(asked_from) if asked_from in APPROVALS else 1
    return APPROVALS.index(approval) >= first


def last_word(events: Events, run_id: str, model_sha256: str) -> Event | None:
    """Return the last of waiting, approved and refused about this candidate; None when nobody was asked."""
    return next((e for e in reversed(events) if _is_about(e, run_id, model_sha256) and e["event"] in DECISIONS), None)


def was_refused(events: Events, waiting: Event) -> Event | None:
    """Return the refusal of a candidate that waited, unless an approval followed it."""
    last = last_word(events, str(waiting["run_id"]), str(waiting["model_sha256"]))
    return last if last is not None and last["event"] == REFUSED else None


def waiting_runs(events: Events, *, champion: int | None) -> Iterator[Event]:
    """Yield the entries `waiting` of candidates that a person can still decide about, the oldest first.

    One that was judged beside another champion than this is stale, and one that is quarantined never serves: nobody can
    approve them any more. One that was approved is among them until a version came of it, since the command that was
    to publish it may have been killed.

    Args:
        events: The ledger, oldest first.
        champion: The number of the version that should be serving; None before the first.
    """
    quarantined = quarantine_of(events).models
    for event in events:
        if event["event"] != WAITING or event.get("champion") != champion or event["model_sha256"] in quarantined:
            continue
        run_id, model_sha256 = str(event["run_id"]), str(event["model_sha256"])
        last = last_word(events, run_id, model_sha256)
        is_open = last is event or (last is not None and last["event"] == APPROVED and last.get("champion") == champion)
        if is_open and version_of(events, run_id, model_sha256) is None:
            yield event


def waiting_candidates(events: Events, *, champion: int | None) -> frozenset[tuple[str, str]]:
    """Return each candidate that `waiting_runs` yields; one whose last word is that it waits is `STALE` otherwise."""
    return frozenset(candidate_of(event) for event in waiting_runs(events, champion=champion))


def candidate_of(event: Event) -> tuple[str, str]:
    """Return the run and the model hash that an entry of the ledger is about."""
    return str(event["run_id"]), str(event.get("model_sha256"))


def overrides(events: Events, *, now: datetime) -> Iterator[Event]:
    """Yield the overrides that stand and are not used yet, the oldest first; none of a model that is quarantined."""
    quarantined = quarantine_of(events).models
    for event in events:
        if event["event"] != OVERRIDDEN or event["model_sha256"] in quarantined or was_used(events, event):
            continue
        if override_of(events, str(event["run_id"]), str(event["model_sha256"]), now=now) is event:
            yield event


def override_of(events: Events, run_id: str, model_sha256: str, *, now: datetime) -> Event | None:
    """Return the override for this candidate that stands or was used in time; None when there is none.

    Its date ends it, and so does a refusal that comes later, unless the version was begun before.
    """
    for event in reversed(events):
        if event["event"] == OVERRIDDEN and _is_about(event, run_id, model_sha256):
            last = last_word(events, run_id, model_sha256)
            is_refused = last is not None and last["event"] == REFUSED and _place(events, last) > _place(events, event)
            return event if was_used(events, event) or not (_has_lapsed(event, now) or is_refused) else None
    return None


def was_used(events: Events, override: Event) -> bool:
    """Return whether a version with the bytes of an override was begun after it, by its run, and not withdrawn."""
    begun = [
        event["version"]
        for event in events[_place(events, override) :]
        if event["event"] == INTENT and _is_about(event, str(override["run_id"]), str(override["model_sha256"]))
    ]
    withdrawn = {event["version"] for event in events if event["event"] == WITHDRAWN}
    return any(number not in withdrawn for number in begun)


def approval_of(
    events: Events, run_id: str, model_sha256: str, *, champion: int | None, after: Event | None = None
) -> Event | None:
    """Return the approval of this candidate beside this champion, if it is the last word about it.

    Args:
        events: The ledger, oldest first.
        run_id: The run of the candidate.
        model_sha256: The hash of its bytes.
        champion: What it was judged beside; who approved it beside another one has not seen this verdict.
        after: An override, before which an approval does not count.
    """
    last = last_word(events, run_id, model_sha256)
    if last is None or last["event"] != APPROVED or last.get("champion") != champion:
        return None
    return last if after is None or _place(events, after) < _place(events, last) else None


def version_of(events: Events, run_id: str, model_sha256: str) -> tuple[int, str] | None:
    """Return the number and the state of the version that a candidate became last; None if it became none.

    One whose writer died before it was published is none: the candidate may still become one.
    """
    number = None
    never = {e["version"] for e in events if e["event"] == WITHDRAWN and e.get("reason") == NEVER_PUBLISHED}
    for event in events:
        if event["event"] == INTENT and _is_about(event, run_id, model_sha256) and event["version"] not in never:
            number = event["version"]
    states = [
        event["event"]
        for event in events
        if event.get("version") == number and event["event"] in (INTENT, PUBLISHED, CONFIRMED, WITHDRAWN)
    ]
    return None if number is None else (number, states[-1])


def _is_about(event: Event, run_id: str, model_sha256: str) -> bool:
    return event["run_id"] == run_id and event.get("model_sha256") == model_sha256


def _has_lapsed(override: Event, now: datetime) -> bool:
    return datetime.fromisoformat(str(override["until"])) <= now


def _place(events: Events, wanted: Event) -> int:
    return next(place for place, event in enumerate(events) if event is wanted)
