"""What the runs left behind: the results of each one, what it came to, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml.pipeline.outcome import BLOCKED, FAILED, UNCHANGED, WITHHELD, Results, end_of, error_of, outcome_of_step
from ml.pipeline.step_names import STEPS
from ml.storage import run_order
from ml.storage.root import Root


@dataclass(frozen=True)
class RunRecord:
    """The results of one run by step, and when each was `written`, in seconds since 1970.

    `damaged` names the result files that cannot be read as such, each with what is wrong.
    """

    directory: Path
    results: Results
    written: Mapping[str, float]
    damaged: Mapping[Path, str] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> RunRecord:
        """Read the results in `directory`; a step without a readable one is left out."""
        results, written, damaged = {}, {}, {}
        for step in STEPS:
            path = result_path(directory, step)
            try:  # neither a directory in its place nor an unreadable file is a result
                content, at = json.loads(path.read_bytes()), path.stat().st_mtime
            except (FileNotFoundError, NotADirectoryError):
                continue
            except (OSError, ValueError, RecursionError) as error:
                damaged[path] = f"not a result ({error})"
                continue
            if not isinstance(content, dict):
                damaged[path] = "not a result (its JSON is not an object)"
                continue
            results[step], written[step] = content, at
            if not isinstance(content.get("artifact") or {}, dict):
                damaged[path] = "its artifact is not an object"
        return cls(directory, results, written, damaged)

    @property
    def recency(self) -> tuple[int, float]:
        """A key that is larger for a run that began later; among runs without a number, for one that wrote later."""
        return run_order.sequence(self.directory), max(self.written.values(), default=0.0)

    def result(self, step: str) -> Path:
        """Return the path of the step's result."""
        return result_path(self.directory, step)

    @property
    def outcome(self) -> str | None:
        """What the run came to, one of `OUTCOMES`; None while it has not come to an end."""
        end = end_of(self.results)
        return end.outcome if end else None

    @property
    def ended_at(self) -> float | None:
        """When the result that ended the run was written, in seconds since 1970; None while the run goes on."""
        end = end_of(self.results)
        return self.written[end.step] if end else None

    @property
    def reasons(self) -> list[str]:
        """Why the run ended as it did, in sentences: those of the error that stopped it, or of the verdict.

        What withheld a candidate that earned promotion comes first.
        """
        for step in STEPS:
            if outcome_of_step(self.results.get(step, {})) in (BLOCKED, FAILED):
                error = error_of(self.results[step])
                found = [*error.get("findings", [error.get("what", "")]), error.get("cure", "")]
                return [f"step {step} failed", *(sentence for sentence in found if sentence)]
        end = end_of(self.results)
        if end and end.outcome == UNCHANGED:
            return [str(error_of(self.results[end.step]).get("what", ""))]
        promote = self.results.get("promote", {})
        withheld = error_of(promote).get("what", "") if outcome_of_step(promote) == WITHHELD else ""
        told = [reason["sentence"] for reason in self.artifact("judge").get("reasons", [])]
        return [str(withheld), *told] if withheld else told

    @property
    def proposal(self) -> Mapping[str, str]:
        """The hashes `schema_sha256` and `previous_sha256` of a schema that a blocked run proposes; else empty."""
        found = self.results.get("validate", {}).get("proposal")
        names = ("schema_sha256", "previous_sha256")
        is_one = isinstance(found, dict) and all(isinstance(found.get(name), str) for name in names)
        return {name: found[name] for name in names} if isinstance(found, dict) and is_one else {}

    def artifact(self, step: str) -> Mapping[str, Any]:
        """Return the record of what the step made; empty when it made nothing."""
        made = self.results.get(step, {}).get("artifact")
        return made if isinstance(made, Mapping) else {}


def result_path(run_directory: Path, step: str) -> Path:
    """Return where a step of the run in `run_directory` leaves its result."""
    return run_directory / "results" / f"{step}.json"


def runs(root: Root) -> list[RunRecord]:
    """Read all runs whose files are kept, the one that began last first. A link is none: it could be a run twice."""
    places = [place for place in root.runs.glob("*") if not place.is_symlink() and (place / "results").is_dir()]
    records = [RunRecord.read(place) for place in places]
    return sorted(records, key=lambda record: record.recency, reverse=True)
