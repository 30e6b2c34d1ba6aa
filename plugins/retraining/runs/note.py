"""The outcome of a run in one sentence, for the note that Airflow shows beside the run."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from ml.evaluation.metric_table import metric_text
from ml.pipeline.outcome import BLOCKED, FAILED, PROMOTED, WAITING, end_of, error_of, outcome_of_step
from ml.pipeline.run_record import RunRecord
from ml.pipeline.step_names import STEPS
from ml.storage import run_order
from retraining.runs.ending import Ending
from retraining.statsd_events import UNKNOWN

LIMIT = 1000
"""How many characters Airflow's database has for a note."""
LONGEST_REASON = 200
HEADLINE_METRIC = "AUC"
KEPT = "kept"
"""The outcome that is named together with the version that stays; every other word stands alone."""
NO_RESULT = "no step left a result; the scheduler's log tells what happened to the run."
STOPPED = "somebody marked the run, or its time was up, before the step had a result."
MARKED = "every step had succeeded; somebody marked the run."


def note_of(ending: Ending, *, limit: int = LIMIT) -> str | None:
    """Return the sentence and why the run began, in `limit` characters; None if nothing can be said of the run."""
    if ending.outcome == UNKNOWN:
        return None
    if ending.outcome == PROMOTED:
        text = _promoted(ending.record)
    elif ending.outcome in (BLOCKED, FAILED):
        text = f"{ending.outcome.capitalize()}{_error(ending.record)}"
    else:
        text = f"{_word(ending)}: {_reason(ending.record)}"
    began = _began(ending.record)
    return textwrap.shorten(text, limit - len(began), placeholder=" ...") + began


def _began(record: RunRecord) -> str:
    """Say why the run began; "" for one of older code."""
    found = run_order.noted(record.directory).get("trigger")
    if not isinstance(found, str):
        return ""
    return " " + textwrap.shorten(f"Trigger: {found}.", LONGEST_REASON, placeholder=" ...")


def _promoted(record: RunRecord) -> str:
    verdict = record.artifact("judge")
    version = record.artifact("confirm").get("version") or record.artifact("promote").get("version")
    why = f" ({verdict['decision']})" if verdict.get("decision") and isinstance(verdict["decision"], str) else ""
    return f"Promoted version {version}{why}{_compared(verdict)}."


def _compared(verdict: Mapping[str, Any]) -> str:
    """Say the headline metric, and how far it is from that of the version that the candidate was compared with."""
    value, baseline = (
        _finite((verdict.get(name) or {}).get(HEADLINE_METRIC)) for name in ("metrics", "champion_metrics")
    )
    if value is None:
        return ""
    shown = f": {HEADLINE_METRIC} {metric_text(HEADLINE_METRIC, value)}"
    if verdict.get("champion_version") is None:
        return f"{shown}; there was no version to compare with"
    against = verdict.get("baseline") or f"version {verdict['champion_version']}"
    if baseline is None:
        return f"{shown}; {against} could not be compared"
    return f"{shown}, {value - baseline:+.4f} against {against}"


def _word(ending: Ending) -> str:
    champion = ending.record.artifact("judge").get("champion_version")
    if ending.outcome == KEPT and champion is not None:
        return f"Kept version {champion}"
    return "Waiting for approval" if ending.outcome == WAITING else ending.outcome.capitalize()


def _reason(record: RunRecord) -> str:
    """Return the first reason of the verdict against promotion, else what the step said that ended the run."""
    verdict, end = record.artifact("judge"), end_of(record.results)
    if verdict.get("promotes") is False and (reasons := record.reasons):
        return reasons[0]
    return str(error_of(record.results[end.step]).get("what") or "") if end else ""


def _error(record: RunRecord) -> str:
    """Return the step that stopped the run, the first thing that it found, how many more there are, and the cure."""
    for step in STEPS:
        if outcome_of_step(record.results.get(step, {})) in (BLOCKED, FAILED):
            error = error_of(record.results[step])
            findings = error.get("findings")
            found = findings if isinstance(findings, list) and findings else [error.get("what", "")]
            more = f" ({len(found) - 1} more in the log.)" if len(found) > 1 else ""
            return f" at {step}: {found[0]}{more} {error.get('cure', '')}"
    if not record.results:
        return f": {NO_RESULT}"
    silent = next((step for step in STEPS if step not in record.results), None)
    return f" at {silent}: {STOPPED}" if silent else f": {MARKED}"


def _finite(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and value == value and abs(value) != float("inf")
    return float(value) if is_number else None
