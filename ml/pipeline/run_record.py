"""What the runs left behind: each one's results, and the one word that says what it came to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml.errors import BlockedError, DataError
from ml.pipeline.steps import STEPS
from ml.storage.root import Root

PROMOTED, REJECTED, WITHHELD, UNCHANGED = "promoted", "rejected", "withheld", "unchanged"
BLOCKED, FAILED = "blocked", "failed"
OUTCOMES = (PROMOTED, REJECTED, WITHHELD, UNCHANGED, BLOCKED, FAILED)
_BAD_DATA = (BlockedError.__name__, DataError.__name__)


@dataclass(frozen=True)
class RunRecord:
    """One run: `results` by step, and `written`, when each was written (seconds since 1970).

    `damaged` are files of results that are there and not what they should be, each with what is wrong.
    """

    directory: Path
    results: Mapping[str, Mapping[str, Any]]
    written: Mapping[str, float]
    damaged: Mapping[Path, str] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> RunRecord:
        """What is in `directory`; a step without a readable result has none."""
        results, written, damaged = {}, {}, {}
        for step in STEPS:
            path = directory / "results" / f"{step}.json"
            try:  # a directory in its place, or a file that somebody may not read, is no result either
                content, at = json.loads(path.read_bytes()), path.stat().st_mtime
            except (FileNotFoundError, NotADirectoryError):
                continue
            except (OSError, ValueError) as error:
                damaged[path] = f"no result ({error})"
                continue
            if not isinstance(content, dict):
                damaged[path] = "no result (its JSON is no object)"
                continue
            results[step], written[step] = content, at
            if not isinstance(content.get("artifact") or {}, dict):
                damaged[path] = "its artifact is no object"
        return cls(directory, results, written, damaged)

    def result(self, step: str) -> Path:
        """The file with the step's result."""
        return self.directory / "results" / f"{step}.json"

    @property
    def end(self) -> tuple[str, float] | None:
        """The outcome and when it was written; None while the chain has not come to an end.

        The first step that is not done decides: results behind it are from before somebody repeated it.
        """
        for step in STEPS:
            if step not in self.results:
                return None
            word = _ended_by(self.results[step])
            if word:
                return word, self.written[step]
        return PROMOTED, self.written[step]

    @property
    def reasons(self) -> list[str]:
        """Why the run ended as it did, in sentences: of the error that stopped it, or of the verdict."""
        for step in STEPS:
            if _ended_by(self.results.get(step, {})) in (BLOCKED, FAILED):
                error = _error_of(self.results[step])
                found = [*error.get("findings", [error.get("what", "")]), error.get("cure", "")]
                return [f"step {step} failed", *(sentence for sentence in found if sentence)]
        return [reason["sentence"] for reason in self.artifact("judge").get("reasons", [])]

    def artifact(self, step: str) -> Mapping[str, Any]:
        """What the step made, as its result tells it; empty when it made nothing."""
        made = self.results.get(step, {}).get("artifact")
        return made if isinstance(made, Mapping) else {}


def runs(root: Root) -> list[RunRecord]:
    """All runs whose files are kept, the one that wrote last first."""
    records = [RunRecord.read(place) for place in root.runs.glob("*") if (place / "results").is_dir()]
    return sorted(records, key=lambda record: max(record.written.values(), default=0.0), reverse=True)


def _ended_by(result: Mapping[str, Any]) -> str:
    """What a run comes to with this result; "" when it goes on."""
    if result.get("outcome") == "skipped":
        return str(result.get("skipped_because") or UNCHANGED)
    if result.get("outcome") == "failed":
        error = _error_of(result)
        return BLOCKED if error.get("type") in _BAD_DATA else FAILED
    return ""


def _error_of(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """The error of a result; a mere text counts as what happened."""
    error = result.get("error") or {}
    return error if isinstance(error, Mapping) else {"what": str(error)}
