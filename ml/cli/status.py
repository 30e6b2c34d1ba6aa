"""Answers for people and programs: what serves and why, what happened, and what a run came to."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Any

from ml.config.settings import Settings
from ml.errors import RetrainError, printable
from ml.evaluation.metric_table import metric_table
from ml.pipeline.local_runner import RetrainResult
from ml.registry.champion import CURE, damage_of, recorded_champion
from ml.registry.intervention.rollback_intent import unconfirmed_champion
from ml.registry.ledger import ADOPTED, CONFIRMED, REJECTED, ROLLBACK, WITHDRAWN, WITHHELD, Ledger
from ml.registry.version_directories import unknown_versions
from ml.storage.root import Root
from ml.storage.strict_json import without_nan
from serving.client.model_client import ModelServer, ServingError

_STEERS_A_TERMINAL = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""What JSON leaves as it is; `printable` has the same, and the control characters that JSON escapes by itself."""


def as_json(value: object) -> str:
    """Return `value` as strict, indented JSON, with null for an undefined number.

    Characters that would steer a terminal are escapes in it.
    """
    text = json.dumps(without_nan(value), indent=2, ensure_ascii=False, allow_nan=False, default=str)
    return _STEERS_A_TERMINAL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def failed_before_the_start(run_id: str, error: RetrainError) -> RetrainResult:
    """Return the result of a run that could not start because its settings or its root were wrong."""
    return RetrainResult(run_id, reasons=[error.what, error.cure], exit_code=2 if error.exit_code == 2 else 1)


def status(root: Root, settings: Settings) -> dict[str, Any]:
    """Return the champion, since when and why it serves, what is pending, and what the settings' model server says."""
    ledger = Ledger(root.ledger)
    champion = ledger.champion()
    answer: dict[str, Any] = {
        "model": settings.serving.model,
        "version": None,
        "pending": [v.number for v in ledger.pending()],
        "unconfirmed": unconfirmed_champion(ledger) is not None,
        "unknown": [path.name for path in unknown_versions(root, settings.serving.model)],
        "last_event": next(iter(reversed(ledger.events())), None),
    }
    if champion:
        answer |= {
            "version": champion.number,
            "since": champion.last["at"],
            "run_id": champion.run_id,
            "who": champion.intent.get("who", "unknown"),
            "reasons": champion.intent.get("reasons", []),
            "metrics": champion.intent.get("metrics", {}),
            "directory": str(root.version(settings.serving.model, champion.number)),
            "lost": damage_of(of_model) if (of_model := recorded_champion(root, settings.serving.model)) else "",
            "data_sha256": champion.intent.get("data_sha256"),
            "source": champion.intent.get("source"),
        }
    if settings.serving.url:
        try:
            states = ModelServer(settings.serving.url, settings.serving.model).versions()
            answer["server"] = {str(s.version): f"{s.state} {s.error_message}".strip() for s in states}
        except ServingError as error:
            answer["server"] = str(error)
    return answer


def status_text(answer: dict[str, Any]) -> str:
    """Return the answer of `status` as text for a terminal."""
    if answer["version"] is None:
        lines = [f"{answer['model']}: no version confirmed yet."]
    else:
        lines = [
            f"{answer['model']}: version {answer['version']} serves since {answer['since']}",
            f"  from      run {answer['run_id']} by {answer['who']}, data {answer['source']}",
            f"  directory {answer['directory']}",
            *(f"  because   {reason}" for reason in answer["reasons"]),
        ]
        if answer["lost"]:
            lines += [f"  LOST      {answer['lost']}", f"            {CURE}"]
    if answer["unconfirmed"]:
        lines.append(
            "  UNCONFIRMED  it was gone back to, and no model server has answered with it since; the next run or "
            "rollback that reaches one confirms it"
        )
    if answer["unknown"]:
        lines.append(f"  UNKNOWN   {', '.join(answer['unknown'])}: a model server takes that for versions, the ledger")
        lines.append("            does not know them; runs stop until you restore it, move them away or adopt them")
    if answer["pending"]:
        lines.append(f"  pending   {answer['pending']}: begun, not confirmed; the next run confirms or withdraws it")
    if "server" in answer:
        lines.append(f"  server    {answer['server']}")
    return "\n".join(map(printable, lines))


def history(root: Root) -> list[dict[str, Any]]:
    """Return all events of the ledger, oldest first."""
    return Ledger(root.ledger).events()


def history_text(events: list[dict[str, Any]]) -> str:
    """Return one line for each event, with the reason where there is one to tell."""
    if not events:
        return "Nothing happened yet."
    lines = []
    for event in events:
        version = event.get("version", event.get("result"))
        reason = ""
        if event["event"] in (REJECTED, WITHHELD):
            reason = " ".join(event.get("reasons", []))
        elif event["event"] in (WITHDRAWN, ROLLBACK, ADOPTED):
            reason = event.get("reason", "")
        elif event["event"] != CONFIRMED and event.get("rollback_of") is not None:
            reason = " ".join(event.get("reasons", []))
        name = "-" if version is None else str(version)
        lines.append(f"{event['at']}  {event['event']:<9}  {name:>4}  {event['run_id']}  {reason}".rstrip())
    return "\n".join(map(printable, lines))


def result_text(result: RetrainResult, root: Root, settings: Settings) -> str:
    """Return the result of a run as text for a terminal."""
    lines = [
        f"{result.outcome.upper()} (run {result.run_id})",
        *(f"  {reason}" for reason in result.reasons if reason),
    ]
    if result.metrics:
        lines += ["", *metric_table(result.metrics, result.champion_metrics, asdict(settings.judge))]
    if result.version is not None:
        directory = root.version(settings.serving.model, result.version)
        lines += ["", f"Serving: version {result.version} in {directory}"]
    return "\n".join(map(printable, lines))
