"""What serves and why, as programs read it; `ml.cli.status_text` puts it in words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from ml.config.settings import Settings
from ml.drift.last_checks import FOUND, STEADY, TOO_FEW, read_checks
from ml.errors import STEERS_A_TERMINAL, FinalError, RetrainError
from ml.pipeline.local_runner import RetrainResult
from ml.probation.item import BREACHED, PASSED
from ml.probation.period import LAPSED, ON, period_of_champion
from ml.registry.champion import damage_of, recorded_champion
from ml.registry.endpoint import server_url
from ml.registry.intervention.rollback_intent import unconfirmed_champion
from ml.registry.ledger.ledger import Ledger, Version
from ml.registry.policy.approvals import overrides, waiting_runs
from ml.registry.policy.provenance import is_sample
from ml.registry.schemas.in_force import entry_in_force, schema_in_force, seed_has_changed
from ml.registry.version_directories import unknown_versions
from ml.storage.root import Root
from ml.storage.strict_json import without_nan
from serving.client.model_client import ModelServer, Refused, ServingError


def as_json(value: object) -> str:
    """Return `value` as strict, indented JSON, with null for an undefined number.

    Characters that would steer a terminal are escapes in it.
    """
    text = json.dumps(without_nan(value), indent=2, ensure_ascii=False, allow_nan=False, default=str)
    # Line feeds are the layout; JSON has escaped those of the texts by itself.
    return STEERS_A_TERMINAL.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text)


def failed_before_the_start(run_id: str, error: RetrainError) -> RetrainResult:
    """Return the result of a run that could not start because its settings or its root were wrong."""
    return RetrainResult(run_id, reasons=[error.what, error.cure], exit_code=2 if error.exit_code == 2 else 1)


def status(root: Root, settings: Settings) -> dict[str, Any]:
    """Return the champion, since when and why it serves, what is pending, and what the settings' model server says."""
    ledger = Ledger(root.ledger)
    champion = ledger.champion()
    answer: dict[str, Any] = {
        "model": settings.serving.model,
        "root": str(root.path),
        "root_exists": root.path.is_dir(),
        "version": None,
        "pending": [v.number for v in ledger.pending()],
        "unconfirmed": unconfirmed_champion(ledger) is not None,
        "unknown": [path.name for path in unknown_versions(root, settings.serving.model)],
        "last_event": next(iter(reversed(ledger.events())), None),
        "ledger_faults": [str(fault) for fault in ledger.chain().faults],
        "sample": is_sample(champion),
        "schema": _schema(root),
        "hold": None,
        "probation": _probation(ledger, settings),
        "traffic": _traffic(root, champion),
        "quarantined": [version.number for version in ledger.versions().values() if version.quarantined],
        "server_url": server_url(root, settings) or None,
        "served_version": None,
        "waiting": _waiting(ledger, champion),
        "overrides": [
            {key: event.get(key) for key in ("run_id", "who", "reason", "until")}
            for event in overrides(ledger.events(), now=datetime.now(UTC))
        ],
    }
    if hold := ledger.hold():
        answer["hold"] = {"since": hold.since, "until": hold.until.isoformat(), "version": hold.version}
        answer["hold"] |= {"reason": hold.reason, "sentence": hold.against()}
    if champion:
        answer |= {
            "version": champion.number,
            "since": champion.last["at"],
            "run_id": champion.run_id,
            "who": champion.intent.get("who", "unknown"),
            "reasons": champion.intent.get("reasons", []),
            "reason_codes": champion.intent.get("codes", []),
            "metrics": champion.intent.get("metrics", {}),
            "directory": str(root.version(settings.serving.model, champion.number)),
            "lost": damage_of(of_model) if (of_model := recorded_champion(root, settings.serving.model)) else "",
            "data_sha256": champion.intent.get("data_sha256"),
            "source": champion.intent.get("source"),
        }
    if answer["server_url"]:
        try:
            states = ModelServer(answer["server_url"], settings.serving.model).versions()
            answer["server"] = {str(s.version): f"{s.state} {s.error_message}".strip() for s in states}
            answer["served_version"] = max((s.version for s in states if s.state == "AVAILABLE"), default=None)
        except Refused as error:  # it answers, and has never heard of the model
            answer["server"] = str(error)
        except ServingError as error:
            answer |= {"server": str(error), "server_answers": False}
    return answer


def _probation(ledger: Ledger, settings: Settings) -> dict[str, str] | None:
    """Return the probation of the champion; None if it needs none."""
    period = period_of_champion(ledger, hours=settings.probation.hours, now=datetime.now(UTC))
    if period is None:
        return None
    until = period.until.isoformat(timespec="minutes")
    sentence = {
        ON: f"on probation until {until}; it is checked by: python -m ml probation",
        LAPSED: f"its probation ended {until}, and nobody checked it to the end",
        PASSED: "has passed its probation",
        BREACHED: f"broke its probation: {period.reason}",
    }[period.state]
    return {"state": period.state, "until": until, "reason": period.reason, "sentence": sentence}


def _traffic(root: Root, champion: Version | None) -> dict[str, Any] | None:
    """Return what the last look at the traffic of the champion found; None when nobody has looked."""
    look = next(iter(read_checks(root)), None)
    if look is None or champion is None or look.version != champion.number:
        return None
    found = ", ".join(finding.key for finding in look.findings)
    word = {
        FOUND: f"{found} (found on {look.day}; python -m ml monitor says more)",
        STEADY: f"as in the training data (looked at on {look.day}, {look.customers:,} customers)",
        TOO_FEW: f"not known (looked at on {look.day}, {look.customers:,} customers)",
    }[look.state]
    return {"day": look.day.isoformat(), "state": look.state, "sentence": word}


def _schema(root: Root) -> dict[str, Any]:
    """Return which schema is in force, who accepted it, and what is wrong with its file; "" when nothing is."""
    entry, lost = entry_in_force(Ledger(root.ledger).events()), ""
    try:
        schema_in_force(root)
    except FinalError as error:
        lost = str(error)
    said = {name: entry.get(name) for name in ("at", "who", "reason", "schema_sha256")}
    return {"number": entry.get("number", 0), **said, "seed_has_changed": seed_has_changed(entry), "lost": lost}


def _waiting(ledger: Ledger, champion: Version | None) -> list[dict[str, Any]]:
    waiting = waiting_runs(ledger.events(), champion=champion.number if champion else None)
    return [
        {
            "run_id": event["run_id"],
            "since": event["at"],
            "decision": event.get("decision"),
            "because": next(iter(event.get("reasons") or []), ""),
        }
        for event in waiting
    ]
