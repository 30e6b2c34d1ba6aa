"""Whether a verdict says what its rows say: every number computed once more, with NumPy alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ml.errors import FinalError
from ml.registry.ledger.ledger import Ledger
from ml.storage import files
from ml.storage.root import RUN_ID, Root

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
    """Return the directory of a verdict: of a version, of a run, or the one that is named itself."""
    places = []
    if verdict.isdecimal() and int(verdict) in Ledger(root.ledger).versions():
        places.append(root.release(int(verdict)))
    if RUN_ID.fullmatch(verdict) and ".." not in verdict:
        places.append(root.run(verdict) / "judge")
    named = Path(verdict)
    places += [named.parent if named.name == REPORT else named]
    found = next((place for place in places if (place / REPORT).is_file()), None)
    if found is None:
        runs = sorted(path.parent.parent.name for path in root.runs.glob(f"*/judge/{REPORT}"))
        versions = sorted(int(path.parent.name) for path in (root.path / "releases").glob(f"*/{REPORT}"))
        raise FinalError(
            f"There is no verdict {verdict!r}; a version that was adopted, or promoted by an older release, has none.",
            f"Versions with one: {', '.join(map(str, versions)) or 'none'}. Runs: {', '.join(runs) or 'none'}.",
        )
    return found
