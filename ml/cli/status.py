"""Answers for people and programs: what serves and why, what happened, and what a run came to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ml.audit.schemas import told_of_schema
from ml.config.settings import Settings
from ml.errors import STEERS_A_TERMINAL, FinalError, RetrainError, printable
from ml.evaluation.metric_table import metric_table
from ml.gate.reason import BECAUSE, bearing
from ml.pipeline.local_runner import RetrainResult
from ml.probation.item import BREACHED, PASSED
from ml.probation.period import LAPSED, ON, period_of_champion
from ml.registry.champion import CURE, damage_of, recorded_champion
from ml.registry.endpoint import server_url
from ml.registry.intervention.rollback_intent import unconfirmed_champion
from ml.registry.ledger.ledger import SHOWN_FAULTS, Ledger, Version
from ml.registry.policy.approvals import overrides, waiting_runs
from ml.registry.policy.provenance import SAMPLE_WARNING, is_sample
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


def status_text(answer: dict[str, Any]) -> str:
    """Return the answer of `status` as text for a terminal."""
    if answer["version"] is None:
        missing = "" if answer["root_exists"] else ", which does not exist"
        lines = [f"{answer['model']}: no version confirmed yet in {answer['root']}{missing}."]
    else:
        lines = [
            f"{answer['model']}: version {answer['version']} {who_serves(answer)}",
            *([f"  SAMPLE    {SAMPLE_WARNING}"] if answer["sample"] else []),
            f"  from      run {answer['run_id']} by {answer['who']}, data {answer['source']}",
            f"  directory {answer['directory']}",
            *_reasons(answer),
        ]
        if answer["lost"]:
            lines += [f"  LOST      {answer['lost']}", f"            {CURE}"]
    if answer["unconfirmed"]:
        lines.append(
            "  UNCONFIRMED  it was gone back to, and no model server has answered with it since; the next run or "
            "rollback that reaches one confirms it"
        )
    if answer["probation"]:
        lines.append(f"  probation {answer['probation']['sentence']}")
    if answer["hold"]:
        lines.append(f"  HELD      {answer['hold']['sentence']}")
    if answer["quarantined"]:
        lines.append(f"  bad       {', '.join(map(str, answer['quarantined']))}: quarantined, and never served again")
    if answer["unknown"]:
        lines.append(f"  UNKNOWN   {', '.join(answer['unknown'])}: a model server takes that for versions, the ledger")
        lines.append("            does not know them; runs stop until you restore it, move them away or adopt them")
    if answer["ledger_faults"]:
        lines.append(f"  CHANGED   the ledger: {'; '.join(answer['ledger_faults'][:SHOWN_FAULTS])}")
        lines.append("            Runs stop until it is restored or accepted: python -m ml ledger verify")
    if answer["schema"]["number"]:
        first, *more = told_of_schema(answer["schema"])
        lines += [f"  schema    {first}", *(f"            {line}" for line in more)]
    if answer["schema"]["lost"]:
        lines += [f"  LOST      {answer['schema']['lost']}", "            Runs stop until it is there again."]
    if answer["pending"]:
        lines.append(f"  pending   {answer['pending']}: begun, not confirmed; the next run confirms or withdraws it")
    for one in answer["waiting"]:
        lines.append(f"  WAITING   run {one['run_id']} for a person since {one['since']}: {one['because']}")
        lines.append(f"            python -m ml approve {one['run_id']} --reason '...' (or refuse)")
    for one in answer["overrides"]:
        lines.append(f"  OVERRIDE  run {one['run_id']} may be approved until {one['until']}")
        lines.append(f"            by {one['who']}: {one['reason']}")
    if "server" in answer:
        lines.append(f"  server    {_server(answer)}")
    return "\n".join(map(printable, lines))


def _reasons(answer: dict[str, Any]) -> Iterator[str]:
    """Yield why the champion was promoted, and what spoke against it; older code did not note which is which."""
    reasons, codes = answer["reasons"], answer["reason_codes"]
    told = zip(reasons, codes, strict=True) if len(codes) == len(reasons) else ((reason, "") for reason in reasons)
    for reason, code in told:
        yield f"  {bearing(code, promotes=True) if code else BECAUSE:<12}{reason}"


def _server(answer: dict[str, Any]) -> str:
    """Return what the model server says: each version with its state, or why there is none."""
    said = answer["server"]
    if isinstance(said, str):
        return said
    versions = ", ".join(f"version {number} {state}" for number, state in said.items())
    return f"{answer['server_url']}: {versions or 'it has no version of this model'}"


def who_serves(answer: dict[str, Any]) -> str:
    """Return as the end of a sentence whether the champion of `status` serves: what a server says, not the ledger."""
    url, served = answer["server_url"], answer["served_version"]
    if url is None:
        return f"is published; no server is configured (since {answer['since']})"
    if not answer.get("server_answers", True):
        return f"is published; no server answers at {url} (since {answer['since']})"
    if served == answer["version"]:
        return f"serves since {answer['since']} at {url}"
    other = "has no version of this model to serve" if served is None else f"serves version {served}"
    return f"is published; the server at {url} {other} (since {answer['since']})"


def rollback_text(version: Version, answer: dict[str, Any]) -> str:
    """Return what a rollback came to: the version, whose bytes it has, and who has checked it.

    Args:
        version: What `ml.registry.intervention.rollback.rollback` returned.
        answer: What `status` returned after it.
    """
    bytes_of = version.intent.get("rollback_of")
    published = f"is published {'again' if bytes_of is None else f'with the bytes of version {bytes_of}'}."
    if answer["unconfirmed"]:
        return (
            f"Version {version.number} {published}\n"
            "It is unconfirmed: no model server has answered with it. The next command that reaches one confirms it."
        )
    if answer["server_url"] is None:
        checked = "No server is configured, so a private server checked it; nobody serves it yet."
        return f"Version {version.number} {published} {checked}"
    return f"Version {version.number} now serves {'again' if bytes_of is None else f'the bytes of version {bytes_of}'}."


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
        of_sample = " (SAMPLE)" if is_sample(Ledger(root.ledger).champion()) else ""
        lines += ["", f"Champion: version {result.version}{of_sample} in {directory}"]
    return "\n".join(map(printable, lines))
