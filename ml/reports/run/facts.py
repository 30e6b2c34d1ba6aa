"""The facts of a run: when, how long, from what, with which hashes, and the commands that repeat and check it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime

from ml.audit.explain import trigger_of
from ml.config.settings import resolve
from ml.config.tree_differences import differences
from ml.pipeline.step_names import STEPS
from ml.reports.look.plot import Table
from ml.reports.run.material import Material

SOURCE, SERVER = "data.source", "serving.url"


def facts_of(of: Material) -> list[tuple[str, str]]:
    """Return what is known of the run, each with its name; what is not known is left out."""
    return [(name, value) for name, value in _facts(of) if value]


def _facts(of: Material) -> Iterator[tuple[str, str]]:
    yield "run", of.run_id
    if of.record.ended_at is not None:
        yield "ended", f"{datetime.fromtimestamp(of.record.ended_at, UTC):%Y-%m-%d %H:%M:%S} UTC"
    yield "by", str(of.subject.entry.get("who") or "") if of.subject else ""
    yield "trigger", (trigger_of(of.subject) or "") if of.subject else ""
    data = of.record.artifact("ingest")
    if data:
        yield "data", f"{data.get('source')}, {data.get('rows', 0):,} rows"
    transformed = of.record.artifact("transform")
    if transformed:
        yield "split", f"{transformed['train_rows']:,} training rows, {transformed['eval_rows']:,} evaluation rows"
    champion, baseline = of.champion, of.baseline
    yield "champion then", f"version {champion.number}" if champion else "none"
    if baseline and (champion is None or baseline != f"version {champion.number}"):
        yield "compared with", baseline
    yield "anchor", str(of.verdict.get("anchor") or "")


def hashes_of(of: Material) -> Table:
    """Return the SHA-256 of everything that the run read and made, as far as it is recorded."""
    entry = of.subject.entry if of.subject else {}
    schema = of.verdict.get("schema") or {}
    found = {
        "data": of.record.artifact("ingest").get("sha256"),
        "schema": schema.get("sha256") or entry.get("schema_sha256"),
        "settings": entry.get("settings_sha256"),
        "code": entry.get("code_sha256"),
        "model": of.record.artifact("train").get("sha256"),
        "evaluation rows and scores": of.verdict.get("rows_sha256"),
        "verdict": of.record.artifact("judge").get("sha256"),
    }
    return Table(["what", "SHA-256"], [[name, str(value)] for name, value in found.items() if value])


def steps_of(of: Material) -> Table:
    """Return the steps in order, with what each came to and how long it took."""
    rows = []
    for step in (step for step in STEPS if step in of.record.results):
        result = of.record.results[step]
        seconds = result.get("seconds")
        took = f"{seconds:.1f}" if isinstance(seconds, int | float) else "-"
        rows.append([step, str(result.get("outcome", "-")), took])
    return Table(["step", "outcome", "seconds"], rows)


def commands_of(of: Material) -> list[str]:
    """Return the command that makes the same run again, and those that check it."""
    commands = [_retrain(of)] if of.settings else []
    if of.verdict:
        commands.append(f"python -m ml verify {shlex.quote(of.run_id)}")
    if of.version is not None:
        commands.append(f"python -m ml reproduce {of.version.number}")
    return commands


def _retrain(of: Material) -> str:
    """Return the command with every setting of the run that is not the default."""
    found = differences(resolve(environment={}).as_dict(), of.settings)
    words = ["python", "-m", "ml", "retrain", "--force"]
    source = str(of.settings.get("data", {}).get("source", ""))
    words += ["--data", source] if source else []
    for key, (_, value) in found.items():
        if key not in (SOURCE, SERVER) and value is not None:
            words += ["--set", f"{key}={json.dumps(value, ensure_ascii=False)}"]
    return shlex.join(words)
