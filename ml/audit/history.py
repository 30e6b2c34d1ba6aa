"""What happened to versions and candidates, as a table for a terminal: one line for each, the newest first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ml.errors import printable
from ml.pipeline.outcome import OUTCOME_OF_EVENT
from ml.registry.ledger.entries import (
    ADOPTED,
    APPROVED,
    CHAINED,
    CHALLENGED,
    CONFIRMED,
    INTENT,
    LOOKED,
    OVERRIDDEN,
    PROBATION,
    PUBLISHED,
    QUARANTINED,
    REFUSED,
    RELEASED,
    ROLLBACK,
    SCHEMA,
    SEALED,
    TRIGGERED,
    WAITING,
    WITHDRAWN,
)
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.approvals import STALE, candidate_of, waiting_candidates
from ml.registry.policy.provenance import SAMPLE, kind_of
from ml.registry.policy.quarantine import quarantine_of
from ml.registry.references.ancestry import OVERRIDDEN as BY_OVERRIDE
from ml.storage.root import Root

COLUMNS = ("version", "when", "source", "rows", "accuracy", "AUC", "outcome", "by whom")
RIGHT = ("version", "rows", "accuracy", "AUC")
SOURCE_CHARACTERS = 40
DECISIONS = (APPROVED, REFUSED, OVERRIDDEN)
"""What a person decided about a candidate, which is told with the candidate."""


@dataclass
class Entry:
    """A version with all its events, or a candidate that was not promoted.

    Attributes:
        begun: Its first event.
        events: All of them, the oldest first.
        as_candidate: What was said of a version's candidate before: that it waited or was rejected, and who decided.
    """

    begun: Mapping[str, Any]
    events: list[Mapping[str, Any]] = field(default_factory=list)
    as_candidate: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def last(self) -> Mapping[str, Any]:
        """The last event of it."""
        return self.events[-1]


def history(root: Root) -> list[dict[str, Any]]:
    """Return all events of the ledger, oldest first."""
    return Ledger(root.ledger).events()


def history_text(events: list[dict[str, Any]], *, champion: int | None, with_reasons: bool = False) -> str:
    """Return a table of the versions and candidates in the ledger, the newest first.

    Args:
        events: The ledger, oldest first.
        champion: The version that should be serving, which is marked.
        with_reasons: Whether each line is followed by run, data hash and reasons.
    """
    if not events:
        return "Nothing happened yet."
    entries = list(reversed(entries_of(events)))
    bad, waiting = quarantine_of(events).models, waiting_candidates(events, champion=champion)
    rows = [list(COLUMNS), *(_cells(entry, champion, bad, waiting) for entry in entries)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
    lines = [_line(rows[0], widths)]
    for entry, row in zip(entries, rows[1:], strict=True):
        lines.append(_line(row, widths))
        if with_reasons:
            lines += [f"    {text}" for text in _reasons(entry)]
    return "\n".join(lines)


def entries_of(events: list[dict[str, Any]]) -> list[Entry]:
    """Return the entries by their first event; what follows the intent of a version belongs to that.

    A candidate that became a version is told with the version, at its place.
    """
    entries: list[Entry] = []
    versions: dict[Any, Entry] = {}
    candidates: dict[Any, Entry] = {}
    for event in events:
        is_told_by_its_copy = event["event"] == ROLLBACK and event.get("result") != event.get("target")
        # Of hashes, looks, bets and beginnings, not of a version.
        if event["event"] in (SEALED, CHAINED, LOOKED, CHALLENGED, TRIGGERED) or is_told_by_its_copy:
            continue
        begins = event["event"] in (INTENT, ADOPTED, ROLLBACK)
        candidate = (event["run_id"], event.get("model_sha256"))
        known = candidates.get(candidate) if event["event"] in DECISIONS else versions.get(event.get("version"))
        entry = None if begins else known
        if entry is None:
            entry = Entry(event)
            entries.append(entry)
            if not begins:
                candidates[candidate] = entry
            elif event["event"] == INTENT and (earlier := candidates.pop(candidate, None)) is not None:
                entries.remove(earlier)
                entry.as_candidate = earlier.events
            if event.get("version") is not None:
                versions[event["version"]] = entry
        entry.events.append(event)
    return entries


def _cells(entry: Entry, champion: int | None, bad: Collection[str], waiting: Collection[tuple[str, str]]) -> list[str]:
    begun, number = entry.begun, entry.begun.get("version", entry.begun.get("result"))
    metrics = begun.get("metrics")
    metrics = metrics if isinstance(metrics, Mapping) else {}
    return [
        _one_line("-" if number is None else number),
        _one_line(str(begun["at"])[:16].replace("T", " ")),
        _source(begun),
        f"{begun['rows']:,}" if isinstance(begun.get("rows"), int) else "-",
        _metric(metrics.get("BinaryAccuracy")),
        _metric(metrics.get("AUC")),
        _outcome(entry, bad, waiting) + (" (champion)" if number is not None and number == champion else ""),
        _one_line(begun.get("who", "-")),
    ]


def _outcome(entry: Entry, bad: Collection[str], waiting: Collection[tuple[str, str]]) -> str:
    state = next(str(event["event"]) for event in reversed(entry.events) if event["event"] != PROBATION)
    rolled_back_to = entry.begun.get("rollback_of")
    if state == RELEASED:
        return "end of the hold"
    if state in (QUARANTINED, WITHDRAWN) and entry.begun.get("model_sha256") in bad:
        return "quarantined"
    if state == WAITING and candidate_of(entry.begun) not in waiting:
        return STALE
    word = OUTCOME_OF_EVENT.get(state, state)
    if state == SCHEMA:
        word = f"schema {entry.begun.get('number')}"
    if state in DECISIONS:
        word = f"{state} by {entry.last.get('who', 'unknown')}"
    if state == ROLLBACK:
        word = f"going back from {entry.begun.get('from')} to {entry.begun.get('target')}"
    if state == CONFIRMED and entry.begun.get("decision") == BY_OVERRIDE:
        word += " by override"
    if rolled_back_to is not None and state != WITHDRAWN:
        word = f"rollback to {rolled_back_to}{', unconfirmed' if state in (INTENT, PUBLISHED) else ''}"
    return _one_line(word)


def _source(event: Mapping[str, Any]) -> str:
    source = _one_line(event.get("source") or "-")
    shown = source if len(source) <= SOURCE_CHARACTERS else f"{source[: SOURCE_CHARACTERS - 3]}..."
    return "SAMPLE" if kind_of(event) == SAMPLE else shown


def _reasons(entry: Entry) -> Iterator[str]:
    began = entry.begun.get("trigger")
    yield (
        f"run {_one_line(entry.begun['run_id'])}{f' (trigger: {_one_line(began)})' if began else ''}, "
        f"data {_one_line(entry.begun.get('data_sha256') or '-')[:12]}"
    )
    for event in entry.events:
        reason = str(event.get("reason") or "")
        if reason and event["event"] in DECISIONS:
            until = f" until {event['until']}" if "until" in event else ""
            reason = f"{event['event']} by {event.get('who', 'unknown')}{until}: {reason}"
        told = event.get("reasons") or ([reason] if reason else [])
        yield from map(_one_line, told if isinstance(told, list) else [told])


def _metric(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, int | float) else "-"


def _one_line(text: object) -> str:
    return printable(" ".join(str(text).split()))


def _line(cells: list[str], widths: list[int]) -> str:
    aligned = [
        cell.rjust(width) if name in RIGHT else cell.ljust(width)
        for name, cell, width in zip(COLUMNS, cells, widths, strict=True)
    ]
    return "  ".join(aligned).rstrip()
