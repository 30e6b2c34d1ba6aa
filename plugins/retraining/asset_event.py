"""What the event of the asset `customer_model` says of the version that serves, for DAGs that are triggered by it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from ml.pipeline.run_record import RunRecord
from ml.storage.strict_json import without_nan

REASONS, METRICS, CHARACTERS = 5, 20, 300
"""Bounds of what goes into Airflow's database: reasons, metrics of each model, characters of a text."""


def asset_event_extra(record: RunRecord) -> dict[str, Any]:
    """Return version, metrics and verdict of a run that was confirmed: JSON of a few kilobytes, without NaN.

    A metric that is not a number is null. `against` is what the candidate was compared with; null without a champion.
    """
    verdict, confirmed = record.artifact("judge"), record.artifact("confirm")
    compared = verdict.get("baseline_version") or verdict.get("champion_version")
    extra = {
        "version": confirmed.get("version"),
        "run_id": _short(record.directory.name),
        "model_sha256": verdict.get("model_sha256"),
        "data_sha256": record.artifact("ingest").get("sha256"),
        "rows": record.artifact("ingest").get("rows"),
        "metrics": _metrics(verdict.get("metrics")),
        "against": None
        if compared is None
        else {"version": compared, "metrics": _metrics(verdict.get("champion_metrics"))},
        "verdict": {"decision": _short(verdict.get("decision") or "promoted"), "reasons": _reasons(verdict)},
    }
    return dict(without_nan(extra))


def _metrics(values: Any) -> dict[str, float | None]:
    found = values.items() if isinstance(values, Mapping) else ()
    return {_short(name): value for name, value in islice(found, METRICS) if isinstance(value, int | float | None)}


def _reasons(verdict: Mapping[str, Any]) -> list[dict[str, str]]:
    reasons = verdict.get("reasons") or []
    told = [reason for reason in reasons if isinstance(reason, Mapping)][:REASONS]
    return [{name: _short(reason.get(name, "")) for name in ("code", "sentence")} for reason in told]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= CHARACTERS else f"{text[: CHARACTERS - 4]} ..."
