"""Why a version came about, or a candidate did not: the verdict's reasons, its numbers, its data, and who."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml.audit.damage import damages
from ml.audit.subject import DECISIONS, Subject
from ml.data.outcomes.erasure import erased_sentence, erasure_of
from ml.errors import printable
from ml.evaluation.metric_table import ORDER, distinguishable, metric_text
from ml.gate.reason import ALTHOUGH, BECAUSE, BESIDE, bearings
from ml.registry.ledger.entries import ADOPTED, CONFIRMED, INTENT, PUBLISHED, REFUSED, WAITING
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.approvals import candidate_of, waiting_candidates
from ml.registry.references.ancestry import OVERRIDDEN as BY_OVERRIDE
from ml.storage import run_order
from ml.storage.locks import is_held

WITHDRAWN_SINCE = "was withdrawn"
STATES = {
    INTENT: "was begun and never published",
    PUBLISHED: "is published, and no server has confirmed it yet",
    CONFIRMED: "was promoted",
}


def explain(subject: Subject) -> dict[str, Any]:
    """Return why `subject` came to its outcome, with the numbers of its verdict and what is not recorded of it."""
    entry, verdict = subject.judged, subject.verdict
    found = {
        "version": subject.version.number if subject.version else None,
        "run_id": subject.run_id,
        "outcome": _outcome(subject),
        "at": subject.entry.get("at"),
        "who": subject.entry.get("who"),
        "trigger": trigger_of(subject),
        "reasons": _reasons(subject),
        **_sides(subject),
        "damage": damages(subject),
        "champion": entry.get("champion"),
        "metrics": entry.get("metrics") or verdict.get("metrics") or {},
        "champion_metrics": entry.get("champion_metrics") or verdict.get("champion_metrics") or {},
        "evidence": verdict.get("evidence"),
        "look": verdict.get("look"),
        "data": data_of(subject),
        "events": [
            {key: event[key] for key in ("at", "event", "who", "reason") if key in event} for event in subject.events
        ],
    }
    recorded = {
        "reasons": found["reasons"],
        "metrics": found["metrics"],
        "evaluation": subject.evaluation,
        "evidence": verdict,
        "data": entry.get("data_sha256"),
    }
    return found | {"not_recorded": [name for name, value in recorded.items() if not value]}


def data_of(subject: Subject) -> dict[str, Any]:
    """Return what is known of the data: source, rows, hash, whether the bytes are kept, when a customer was erased."""
    named = {"source": "source", "kind": "source_kind", "rows": "rows", "sha256": "data_sha256"}
    named |= {"outcomes": "outcome_rows"}
    data = {name: subject.entry.get(key) for name, key in named.items()}
    if not subject.entry:  # a run that came to no verdict
        obtained = subject.run_record.artifact("ingest")
        data |= {name: obtained.get(name) for name in ("source", "rows", "sha256")}
        data["outcomes"] = (obtained.get("outcomes") or {}).get("rows")
    kept = subject.data is not None if data["sha256"] else False
    return data | {"kept": kept, "erased": None if kept else erasure_of(subject.root, str(data["sha256"] or ""))}


def explain_text(answer: Mapping[str, Any]) -> str:
    """Return the answer of `explain` as text for a terminal."""
    return "\n".join(map(printable, _lines(answer)))


def _lines(answer: Mapping[str, Any]) -> Iterator[str]:
    number, run = answer["version"], answer["run_id"]
    yield f"{f'Version {number}' if number else f'Run {run}'} {answer['outcome']}."
    for damage in answer["damage"]:
        yield f"  DAMAGED        {damage}"
    if answer["outcome"].startswith(WITHDRAWN_SINCE):
        yield "  It had been promoted:"
    for reason in answer["reasons"]:
        side = ALTHOUGH if reason in answer["against"] else BESIDE if reason in answer["context"] else BECAUSE
        yield f"  {side:<15}{reason}"
    yield f"  run            {', '.join(filter(None, (run, answer['at'], answer['who'])))}"
    if answer["trigger"]:
        yield f"  trigger        {answer['trigger']}"
    yield f"  data           {data_text(answer['data'])}"
    beside = answer["champion_metrics"]
    for metric in (metric for metric in ORDER if answer["metrics"].get(metric) is not None):
        value, other = answer["metrics"][metric], beside.get(metric)
        of_champion = f"version {answer['champion']}" if answer["champion"] else "the champion"
        shown, than = (metric_text(metric, value), "") if other is None else distinguishable(metric, value, other)
        yield f"  {metric:<14} {shown}{f', {of_champion} {than}' if than else ''}"
    for event in answer["events"]:
        who = event.get("who") if event["event"] in DECISIONS else None
        yield f"  {event['event']:<14} {', '.join(filter(None, (event['at'], who, event.get('reason'))))}"
    if answer["not_recorded"]:
        yield f"  not recorded   {', '.join(answer['not_recorded'])}"


def data_text(data: Mapping[str, Any]) -> str:
    """Return what is known of the data in one line."""
    if not data["sha256"]:
        return data["source"] or "not recorded"
    rows = f", {data['rows']:,} rows" if isinstance(data["rows"], int) else ""
    kept = "kept" if data["kept"] else erased_sentence(data["erased"]) if data.get("erased") else "not kept"
    if data.get("outcomes"):
        rows += f" and {data['outcomes']:,} of outcomes"
    return f"{data['source'] or 'of an unknown source'}{rows}, sha256 {data['sha256'][:12]}, {kept}"


def _outcome(subject: Subject) -> str:
    version = subject.version
    if version is None:
        last = subject.events[-1] if subject.events else {}
        outcome = last["event"] if last else subject.run_record.outcome
        if outcome == WAITING and _is_stale(subject):
            return "waited for a person and is stale: another version serves than the one that it was compared with"
        if outcome == WAITING:
            return f"waits for a person: python -m ml approve {subject.run_id} --reason '...' (or refuse)"
        if outcome in DECISIONS:
            why = f" ({str(last['reason']).rstrip('.')})" if last.get("reason") else ""
            return f"was {outcome} by {last.get('who', 'unknown')}{why}: no version came of it"
        if outcome is None:
            if is_held(subject.run / ".lock"):
                return "has not ended yet"
            return "came to no end: it was stopped or killed, or waits for its next step"
        return f"ended as {outcome}: no version came of it"
    if version.state in STATES and "rollback_of" in version.intent:
        return f"has the bytes of version {version.intent['rollback_of']}: somebody went back"
    if version.intent["event"] == ADOPTED:
        return "was adopted by a person"
    if version.state == CONFIRMED and version.intent.get("decision") == BY_OVERRIDE:
        return "was promoted by override"
    reason = version.last.get("reason", "the reason is not recorded")
    return STATES.get(version.state, f"{WITHDRAWN_SINCE}: {str(reason).rstrip('.')}")


def _is_stale(subject: Subject) -> bool:
    ledger = Ledger(subject.root.ledger)
    champion = ledger.champion()
    waiting = waiting_candidates(ledger.events(), champion=champion.number if champion else None)
    return candidate_of(subject.events[-1]) not in waiting


def _sides(subject: Subject) -> dict[str, list[str]]:
    """Return the sentences that spoke against the outcome, and those that neither spoke for the candidate nor against.

    Those of a person's decision are in the ledger only, and speak for it.
    """
    reasons = subject.verdict.get("reasons") or subject.run_record.artifact("judge").get("reasons") or []
    last = subject.events[-1]["event"] if subject.events else ""
    found = bearings(reasons, promotes=subject.version is not None or last in (WAITING, *DECISIONS))
    if subject.version is None and last == REFUSED:  # by a person, whatever the gate said for it
        found = {sentence: ALTHOUGH if side == BECAUSE else BESIDE for sentence, side in found.items()}
    return {
        "against": [sentence for sentence, side in found.items() if side == ALTHOUGH],
        "context": [sentence for sentence, side in found.items() if side == BESIDE],
    }


def trigger_of(subject: Subject) -> str | None:
    """Return why the run began, in a few words; None when that is not recorded."""
    found = subject.entry.get("trigger") or run_order.noted(subject.run).get("trigger")
    return str(found) if found else None


def _reasons(subject: Subject) -> list[str]:
    return list(subject.entry.get("reasons") or subject.record.get("reasons") or subject.run_record.reasons)
