"""What a run came to, for a person: the verdict, the metrics beside their thresholds, the version, the error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ml.ledger import Ledger
from ml.root import Root

Results = Mapping[str, Mapping[str, Any]]
METRICS = ("BinaryAccuracy", "AUC", "Precision", "Recall", "ExampleCount")


def conclusion(results: Results) -> str:
    """One word: promoted, rejected, withheld, unchanged, or failed."""
    for result in results.values():
        if result.get("outcome") == "skipped":
            return str(result.get("skipped_because") or "skipped")
    confirmed = results.get("confirm", {}).get("outcome") in ("done", "reused")
    return "promoted" if confirmed else "failed"


def lines(results: Results, *, root: Root, run_id: str, model: str) -> Iterator[str]:
    """The closing summary of a run that did not fail."""
    word = conclusion(results)
    if word == "unchanged":
        yield "Nothing new: data, settings and code are those of the last result. FORCE=1 repeats the work."
    verdict = results.get("judge", {}).get("artifact")
    if isinstance(verdict, Mapping):
        yield from verdict_lines(verdict, word)
        yield ""
        yield from table(verdict, thresholds_of(root.run(run_id)))
    yield ""
    champion = Ledger(root.ledger).champion()
    if champion is None:
        yield "No version has been promoted yet."
    else:
        which = "Promoted" if word == "promoted" else "Still serving"
        yield f"{which}: version {champion.number} in {root.version(model, champion.number)}"


def verdict_lines(verdict: Mapping[str, Any], word: str) -> Iterator[str]:
    """The decision and each of its reasons."""
    decision = "the candidate earns promotion" if verdict.get("promotes") else "the candidate is rejected"
    withheld = "; promotion is switched off" if word == "withheld" else ""
    yield f"Verdict: {decision}{withheld}"
    for reason in verdict.get("reasons", []):
        yield f"  - {reason['sentence']}"


def table(verdict: Mapping[str, Any], judge: Mapping[str, Any]) -> Iterator[str]:
    """Each metric of candidate and champion beside what was asked of it."""
    version = verdict.get("champion_version")
    champion = verdict.get("champion_metrics") or {}
    rows: list[tuple[str, ...]] = [
        ("metric", "candidate", "at least", "at most", f"version {version}", "at most below it")
    ]
    for metric in METRICS:
        if metric in verdict.get("metrics", {}):
            bounds = [judge.get(section, {}).get(metric) for section in ("at_least", "at_most", "below_champion")]
            values = [verdict["metrics"][metric], bounds[0], bounds[1], champion.get(metric), bounds[2]]
            rows.append((metric, *(number(value) for value in values)))
    rows = rows if version else [row[:4] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        numbers = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        yield "  ".join(["", row[0].ljust(widths[0]), *numbers])


def number(value: Any) -> str:
    """A cell of the table."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value > 1 else f"{value:.4f}"


def thresholds_of(run_directory: Path) -> dict[str, Any]:
    """The judge's settings that this run was held to."""
    try:
        settings = json.loads((run_directory / "settings.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return dict(settings.get("judge", {}))


def failure_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """What a failed step found, and the cure."""
    error = result.get("error") or {}
    yield f"Step {result.get('step')} failed: {error.get('type', 'unknown error')}"
    for finding in error.get("findings") or [error.get("what", "")]:
        yield f"  - {finding}"
    if error.get("cure"):
        yield f"  {error['cure']}"
