"""What a step left in its result file."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

from ml.files import write_json

# Hashes of inputs are for the files; the scheduler's database needs only what a person or a later task reads.
_FOR_XCOM = ("step", "run_id", "outcome", "seconds", "skipped_because")
_NOT_FOR_XCOM = ("made_from", "fingerprint")


class ResultFile:
    """`runs/RUN_ID/results/STEP.json`, written by the step on every exit that it survives."""

    def __init__(self, run_directory: Path, step: str) -> None:
        self.path = run_directory / "results" / f"{step}.json"

    def forget(self) -> None:
        """Remove what an earlier try left, so that it cannot pass for the result of this one."""
        self.path.unlink(missing_ok=True)

    def fill_in(self, why: str, seconds: float) -> None:
        """Record a try that ended without a result of its own, for all who look at the run's files later."""
        error = {"type": "NoResult", "what": why, "cure": "", "retry": True}
        result = {"step": self.path.stem, "run_id": self.path.parent.parent.name, "outcome": "failed"}
        with suppress(OSError):  # a full disk must not hide what brought us here
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self.path, {**result, "seconds": round(seconds, 3), "artifact": None, "error": error})

    def read(self) -> dict[str, Any] | None:
        """The result; None when the step was killed before it could write one."""
        try:
            content = json.loads(self.path.read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return content if isinstance(content, dict) else None


def for_xcom(result: dict[str, Any]) -> dict[str, Any]:
    """The part of a result that goes to XCom: places and numbers, never data."""
    kept: dict[str, Any] = {name: result[name] for name in _FOR_XCOM if name in result}
    artifact = result.get("artifact")
    if isinstance(artifact, dict):
        kept["artifact"] = {name: _strict(value) for name, value in artifact.items() if name not in _NOT_FOR_XCOM}
    return kept


def sentence(error: Any, otherwise: str) -> str:
    """What went wrong and the way out, in one line."""
    if not isinstance(error, dict):
        return otherwise
    return f"{error.get('what', '')} {error.get('cure', '')}".strip() or otherwise


def _strict(value: Any) -> Any:
    """Without NaN, which Airflow's database does not take as JSON."""
    if isinstance(value, dict):
        return {name: _strict(inner) for name, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
