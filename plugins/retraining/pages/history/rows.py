"""Versions, refused candidates and failed runs as rows of one table, the newest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ml.audit.history import Entry, entries_of
from ml.pipeline.outcome import OUTCOME_OF_EVENT
from ml.pipeline.run_record import RunRecord
from ml.registry.ledger.entries import (
    ADOPTED,
    APPROVED,
    INTENT,
    OVERRIDDEN,
    PROBATION,
    PUBLISHED,
    QUARANTINED,
    REFUSED,
    RELEASED,
    ROLLBACK,
    SCHEMA,
    WAITING,
    WITHDRAWN,
)
from ml.registry.policy.approvals import STALE, candidate_of
from ml.registry.policy.provenance import SAMPLE, kind_of
from retraining.pages.history.intervals import Measure, accuracy, auc
from retraining.pages.history.snapshot import Snapshot

ROLLED_BACK, IN_QUARANTINE, HOLD_ENDED, PENDING, RUNNING = (
    "rolled back",
    "quarantined",
    "hold ended",
    "pending",
    "running",
)
GOOD, BAD, OPEN = "good", "bad", "warning"
TONES = {
    "promoted": GOOD,
    "rejected": BAD,
    "refused": BAD,
    "blocked": BAD,
    "failed": BAD,
    IN_QUARANTINE: BAD,
    WITHDRAWN: BAD,
    "waiting": OPEN,
    ROLLED_BACK: OPEN,
    PENDING: OPEN,
}
"""The colour of an outcome by its meaning; every other one is neither good nor bad."""


@dataclass(frozen=True)
class Row:
    """A version, a candidate that was not promoted, an intervention, or a run that came to no candidate.

    Attributes:
        number: The version's; None for what is none.
        run_id: The run that made it.
        at: When, ISO 8601 with its zone.
        outcome: In one word.
        detail: What belongs to the outcome, such as the version gone back to; "" without.
        source: Where the data come from; "SAMPLE" for made-up customers, "" when unknown.
        data_sha256: The hash of the data; "" when unknown.
        rows: How many customers the data have; None when unknown.
        auc: On the evaluation rows; None without.
        accuracy: On the evaluation rows; None without.
        who: Whoever started it.
        approver: Whoever approved or refused it; "" when nobody was asked.
        reasons: Why, in sentences.
        model_sha256: The hash of the model; "" without one.
        facts: The entry of the ledger with which it began; empty for a run that is not in it.
    """

    number: int | None
    run_id: str
    at: str
    outcome: str
    detail: str = ""
    source: str = ""
    data_sha256: str = ""
    rows: int | None = None
    auc: Measure | None = None
    accuracy: Measure | None = None
    who: str = ""
    approver: str = ""
    reasons: tuple[str, ...] = ()
    model_sha256: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tone(self) -> str:
        """The colour of its outcome, by meaning; "" for neither good nor bad."""
        return TONES.get(self.outcome, "")

    @property
    def when(self) -> datetime:
        """The moment of it."""
        return datetime.fromisoformat(self.at)


def rows_of(ledger: Snapshot, records: Iterable[RunRecord] = ()) -> list[Row]:
    """Return all rows, the newest first.

    Args:
        ledger: What the ledger says.
        records: Runs whose files are kept; those that the ledger does not know become rows, too.
    """
    known = {event["run_id"] for event in ledger.events}
    rows = [*_of_ledger(ledger)]
    rows += [_run(record) for record in records if record.directory.name not in known and record.written]
    rows.reverse()  # of those of the same second the later one comes first, too
    rows.sort(key=lambda row: row.when, reverse=True)
    return rows


@lru_cache(maxsize=2)
def _of_ledger(ledger: Snapshot) -> tuple[Row, ...]:
    return tuple(_row(entry, ledger) for entry in entries_of(ledger.events) if entry.begun["event"] != SCHEMA)


def _is_version(entry: Entry) -> bool:
    return entry.begun["event"] in (INTENT, ADOPTED)


def _row(entry: Entry, ledger: Snapshot) -> Row:
    begun = entry.begun
    decided = (e for e in reversed([*entry.as_candidate, *entry.events]) if e["event"] in (APPROVED, REFUSED))
    decision = next(decided, None)
    metrics = begun["metrics"] if isinstance(begun.get("metrics"), Mapping) else {}
    outcome, detail = _outcome(entry, ledger)
    said = f"{decision['event']} by {decision.get('who', 'unknown')}" if decision else ""
    return Row(
        number=begun["version"] if _is_version(entry) else None,
        run_id=str(begun["run_id"]),
        at=str(begun["at"]),
        outcome=outcome,
        detail=detail,
        source="SAMPLE" if kind_of(begun) == SAMPLE else str(begun.get("source") or ""),
        data_sha256=str(begun.get("data_sha256") or ""),
        rows=begun["rows"] if isinstance(begun.get("rows"), int) else None,
        auc=auc(metrics),
        accuracy=accuracy(metrics),
        who=str(begun.get("who") or ""),
        approver=said,
        reasons=_reasons(entry),
        model_sha256=str(begun.get("model_sha256") or ""),
        facts=begun,
    )


def _outcome(entry: Entry, ledger: Snapshot) -> tuple[str, str]:
    begun = entry.begun
    last = next((event for event in reversed(entry.events) if event["event"] != PROBATION), entry.last)
    state, copied = last["event"], begun.get("rollback_of")
    reason = ledger.quarantine.models.get(str(begun.get("model_sha256")))
    if reason is not None:
        return IN_QUARANTINE, reason
    if state == RELEASED:
        return HOLD_ENDED, ""
    if state == QUARANTINED:
        return IN_QUARANTINE, str(last.get("reason", ""))
    if state == WITHDRAWN:
        return WITHDRAWN, str(last.get("reason", ""))
    if state == ROLLBACK:
        return ROLLED_BACK, f"from version {begun.get('from')} to version {begun.get('target')}"
    if copied is not None:
        unconfirmed = ", not confirmed yet" if state in (INTENT, PUBLISHED) else ""
        return ROLLED_BACK, f"to the bytes of version {copied}{unconfirmed}"
    if state in (INTENT, PUBLISHED):
        return PENDING, "begun, and not confirmed yet"
    if state == ADOPTED:
        return "promoted", "adopted by hand"
    if state == WAITING and not any(candidate_of(one) == candidate_of(begun) for one in ledger.waiting):
        beside = f"version {begun['champion']}" if begun.get("champion") else "no version"
        return STALE, f"it waited beside {beside}, and another one serves now"
    if state in (APPROVED, OVERRIDDEN):
        return "waiting", "approved, and not promoted yet" if state == APPROVED else "an override stands"
    return OUTCOME_OF_EVENT.get(state, state), str(begun.get("decision") or "") if state == "confirmed" else ""


def _reasons(entry: Entry) -> tuple[str, ...]:
    told: list[str] = []
    for event in entry.events:
        found = event.get("reasons")
        told += map(str, found) if isinstance(found, list) else []
        if event.get("reason"):
            told.append(f"{event['event'].capitalize()} by {event.get('who', 'unknown')}: {event['reason']}")
    return tuple(dict.fromkeys(told))


def _run(record: RunRecord) -> Row:
    data = record.artifact("ingest")
    ended = record.ended_at or max(record.written.values())
    source = str(data.get("source") or "")
    return Row(
        number=None,
        run_id=record.directory.name,
        at=datetime.fromtimestamp(ended, UTC).isoformat(timespec="seconds"),
        outcome=record.outcome or RUNNING,
        source="SAMPLE" if source.startswith("sample:") else source,
        data_sha256=str(data.get("sha256") or ""),
        rows=data["rows"] if isinstance(data.get("rows"), int) else None,
        reasons=tuple(record.reasons),
    )
