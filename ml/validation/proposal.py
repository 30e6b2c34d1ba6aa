"""The wider schema that a blocked run proposes: made only if it lets the same data through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ml.data.schema import PROPOSED, PROPOSED_DIFF, Schema
from ml.data.schema_text import unified_diff
from ml.storage import files
from ml.validation.examination import Examination
from ml.validation.findings import Finding, Severity
from ml.validation.wider_schema import is_curable, wider_schema


@dataclass(frozen=True)
class Proposal:
    """A wider schema, or a sentence that says why there is none; neither where no schema would cure anything."""

    schema: Schema | None = None
    why_not: str = ""

    def write(self, run_directory: Path, before: Schema, *, run_id: str) -> dict[str, str]:
        """Write the schema and its difference from the one of the run, and return their hashes; {} without one."""
        if self.schema is None:
            return {}
        names = {"old_name": "schema.pbtxt (of the run)", "new_name": f"schema.pbtxt (proposed by {run_id})"}
        difference = unified_diff(before.text, self.schema.text, **names)
        files.write_whole(run_directory / PROPOSED, self.schema.text.encode())
        files.write_whole(run_directory / PROPOSED_DIFF, difference.encode())
        return {"schema_sha256": self.schema.sha256, "previous_sha256": before.sha256}


def propose(found: Examination, *, again: Callable[[Schema], Examination], severity: Severity, label: str) -> Proposal:
    """Propose the schema with which nothing that was `found` blocks any more.

    Args:
        found: What blocks.
        again: Examines the same data with another schema.
        severity: From which share on a finding blocks.
        label: The name of the label's column.
    """
    curable = [finding for finding in found.blocking if is_curable(finding, label)]
    if not curable:
        return Proposal()
    if rest := [finding for finding in found.blocking if not is_curable(finding, label)]:
        return _none(f"it would not cure {_shown(rest)}")
    wider, refused = wider_schema(found.schema, found.counts.columns, curable, severity)
    if refused:
        return _none("; ".join(refused))
    if rest := again(wider).blocking:
        return _none(f"with it the data would be blocked still, by {_shown(rest)}")
    return Proposal(wider)


def _none(why: str) -> Proposal:
    return Proposal(why_not=f"No wider schema is proposed: {why}.")


def _shown(findings: list[Finding]) -> str:
    return "; ".join(f"{finding.feature or 'the data set'} ({finding.what})" for finding in findings)
