"""Whether a verdict says what its rows say: every number computed once more, with NumPy alone."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from ml.audit.subject import subject
from ml.errors import FinalError
from ml.storage import files
from ml.storage.root import Root

REPORT, ROWS = "verdict.json", "rows.npz"


def verification(root: Root, verdict: str) -> dict[str, Any]:
    """Compute the numbers of a verdict again.

    Args:
        root: Where runs and release records are.
        verdict: A version, a run id, or the directory with `verdict.json` and `rows.npz`.

    Returns:
        `verdict` (its directory), `decision`, `agrees`, and `differences` as sentences.

    Raises:
        FinalError: There is no such verdict, or its files are not what they should be.
    """
    from ml.evaluation.scored_rows import ScoredRows
    from ml.gate.verify import verify

    directory = _directory(root, verdict)
    report, rows = files.read_json(directory / REPORT), directory / ROWS
    if not isinstance(report, dict):
        raise FinalError(f"{directory / REPORT}: does not hold a verdict.", "Restore it from a backup.")
    if not rows.is_file():
        raise FinalError(
            f"{rows} is missing.", "Restore it from a backup; a verdict cannot be checked without its rows."
        )
    differences = []
    if files.sha256_file(rows) != report.get("rows_sha256"):
        differences.append(f"{ROWS} is not the file of which the verdict speaks: it was changed.")
    differences += verify(report, ScoredRows.read(rows))
    return {
        "verdict": str(directory),
        "decision": report.get("decision"),
        "agrees": not differences,
        "differences": differences,
    }


def verification_text(answer: dict[str, Any]) -> str:
    """Return the result as text for a terminal."""
    if answer["agrees"]:
        return f"Every number of {answer['verdict']} agrees with its rows (decision: {answer['decision']})."
    return "\n".join([f"{answer['verdict']} does not agree with its rows:", *(f"  {d}" for d in answer["differences"])])


def _directory(root: Root, verdict: str) -> Path:
    """Return the directory of a verdict: the one that is named itself, or that of a version or a run."""
    named = Path(verdict).parent if Path(verdict).name == REPORT else Path(verdict)
    try:
        if (named / REPORT).is_file():
            return named
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:  # then it is at most the id of a run
            raise
    asked = subject(root, verdict)
    if (found := asked.verdict_directory) is None:
        raise FinalError(
            f"{asked.title[0].upper()}{asked.title[1:]} has no {REPORT}.",
            "Only what this release judged can be verified, as long as its release record or the files of its run are "
            "kept.",
        )
    return found
