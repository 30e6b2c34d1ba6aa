"""Answers for people and programs: what serves and why, what happened, and what a run came to."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ml.config.settings import Settings
from ml.errors import RetrainError
from ml.evaluation.metric_table import metric_table
from ml.pipeline.local_runner import RetrainResult
from ml.registry.champion import CURE, damage_of, recorded_champion
from ml.registry.endpoint import server_url
from ml.registry.ledger import Ledger, Version
from ml.registry.policy.provenance import SAMPLE_WARNING, is_sample
from ml.storage.root import Root
from ml.storage.strict_json import without_nan
from serving.client.model_client import ModelServer, Refused, ServingError


def as_json(value: object) -> str:
    """Return `value` as strict, indented JSON, with null for an undefined number."""
    return json.dumps(without_nan(value), indent=2, ensure_ascii=False, allow_nan=False, default=str)


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
        "last_event": next(iter(reversed(ledger.events())), None),
        "sample": is_sample(champion),
        "server_url": server_url(root, settings) or None,
        "served_version": None,
    }
    if champion:
        answer |= {
            "version": champion.number,
            "since": champion.last["at"],
            "run_id": champion.run_id,
            "who": champion.intent["who"],
            "reasons": champion.intent.get("reasons", []),
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


def status_text(answer: dict[str, Any]) -> str:
    """Return the answer of `status` as text for a terminal."""
    if answer["version"] is None:
        lines = [f"{answer['model']}: no version confirmed yet."]
    else:
        lines = [
            f"{answer['model']}: version {answer['version']} {who_serves(answer)}",
            *([f"  SAMPLE    {SAMPLE_WARNING}"] if answer["sample"] else []),
            f"  from      run {answer['run_id']} by {answer['who']}, data {answer['source']}",
            f"  directory {answer['directory']}",
            *(f"  because   {reason}" for reason in answer["reasons"]),
        ]
        if answer["lost"]:
            lines += [f"  LOST      {answer['lost']}", f"            {CURE}"]
    if answer["pending"]:
        lines.append(f"  pending   {answer['pending']}: begun, not confirmed; the next run confirms or withdraws it")
    if "server" in answer:
        lines.append(f"  server    {answer['server']}")
    return "\n".join(lines)


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
        version: What `ml.registry.rollback.rollback` returned.
        answer: What `status` returned after it.
    """
    bytes_of = version.intent.get("rollback_of")
    if answer["server_url"] is None:
        what = f"with the bytes of version {bytes_of}" if bytes_of is not None else "again"
        return (
            f"Version {version.number} is published {what}. No server is configured, so a private server checked it; "
            "nobody serves it yet."
        )
    return f"Version {version.number} now serves " + (f"the bytes of version {bytes_of}." if bytes_of else "again.")


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
    return "\n".join(lines)
