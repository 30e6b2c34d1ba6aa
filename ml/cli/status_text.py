"""The answers of `status`, of a rollback and of a run as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from ml.audit.schemas import told_of_schema
from ml.config.settings import Settings
from ml.errors import printable
from ml.evaluation.metric_table import metric_table
from ml.gate.reason import BECAUSE, bearing
from ml.pipeline.local_runner import RetrainResult
from ml.registry.champion import CURE
from ml.registry.ledger.ledger import SHOWN_FAULTS, Ledger, Version
from ml.registry.policy.provenance import SAMPLE_WARNING, is_sample
from ml.storage.root import Root


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
    if answer["traffic"]:
        lines.append(f"  traffic   {answer['traffic']['sentence']}")
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
        yield f"  {bearing(code, promotes=True) if code else BECAUSE:<9} {reason}"


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
