"""The result file of a step: reading it, and writing one for a try that left none."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from ml.errors import FinalError, RetrainError
from ml.pipeline.outcome import FAILED, result_of_error
from ml.pipeline.run_record import result_path
from ml.storage.files import write_json
from ml.storage.strict_json import without_nan

# Hashes of inputs are for the files; the scheduler's database needs only what a person or a later task reads.
_FOR_XCOM = ("step", "run_id", "outcome", "seconds", "skipped_because")
_NOT_FOR_XCOM = ("made_from", "fingerprint", "seal")


class ResultFile:
    """`runs/RUN_ID/results/STEP.json`, written by the step on every exit that it survives."""

    def __init__(self, run_directory: Path, step: str) -> None:
        self.path = result_path(run_directory, step)

    def remove(self) -> None:
        """Remove what an earlier try left, so that it cannot pass for the result of this one.

        Raises:
            FinalError: A directory stands in its place.
        """
        try:
            self.path.unlink(missing_ok=True)
        except IsADirectoryError as error:
            raise FinalError(
                f"{self.path}: a directory is where the result of a step belongs.", "Remove it."
            ) from error

    def write_missing(self, why: str, seconds: float) -> None:
        """Write a result for a try that ended without one, for everybody who reads the run's files later.

        Args:
            why: A sentence about how the try ended.
            seconds: How long it took.
        """
        self._write({"type": "NoResult", "what": why, "cure": "", "retry": True}, seconds)

    def write_refusal(self, error: RetrainError) -> None:
        """Write a result for a step that was not begun, since the run was asked for in a wrong way."""
        self._write(result_of_error(error)["error"], 0.0)

    def _write(self, error: dict[str, Any], seconds: float) -> None:
        result = {"step": self.path.stem, "run_id": self.path.parent.parent.name, "outcome": FAILED}
        with suppress(OSError):  # a full disk must not hide what brought us here
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self.path, {**result, "seconds": round(seconds, 3), "artifact": None, "error": error})

    def read(self) -> dict[str, Any] | None:
        """Return the result; None when the step was killed before it wrote one, or when the file names no outcome."""
        try:
            content = json.loads(self.path.read_bytes())
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) and "outcome" in content else None


def for_xcom(result: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a result that goes to XCom: paths and numbers, never data."""
    kept: dict[str, Any] = {name: result[name] for name in _FOR_XCOM if name in result}
    artifact = result.get("artifact")
    if isinstance(artifact, dict):
        kept["artifact"] = {name: value for name, value in artifact.items() if name not in _NOT_FOR_XCOM}
    return dict(without_nan(kept))  # Airflow's database takes no NaN as JSON


def error_text(error: Any, otherwise: str) -> str:
    """Return what went wrong and the cure in one line, or `otherwise` when the error says nothing."""
    if not isinstance(error, dict):
        return otherwise
    return f"{error.get('what', '')} {error.get('cure', '')}".strip() or otherwise
