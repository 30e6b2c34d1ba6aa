"""Whether a verdict says what its rows say, every number computed once more with NumPy alone, and whose it is."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ml.audit.damage import damages
from ml.audit.subject import Subject, subject
from ml.data.outcomes.erasure import erased_sentence, erasure_of
from ml.errors import FinalError
from ml.registry.ledger.entries import CHALLENGED
from ml.registry.ledger.ledger import Ledger
from ml.storage import files
from ml.storage.root import Root

REPORT, ROWS = "verdict.json", "rows.npz"


def verification(root: Root, verdict: str) -> dict[str, Any]:
    """Compute the numbers of a verdict again.

    Args:
        root: Where runs and release records are.
        verdict: A version, a run id, or the directory with `verdict.json` and `rows.npz`.

    Returns:
        `verdict` (its directory), `subject` (whose it is by the ledger; None for a directory that was named itself),
        `decision`, `agrees`, `differences` as sentences, and `erased`: the day on which a customer was erased from
        the data, which no verdict needs; None if nobody was.

    Raises:
        FinalError: There is no such verdict, or its files are not what they should be.
    """
    from ml.challenge.verdict import wrong_bets
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
    if (asked := _asked(root, verdict)) is not None:
        differences += [*damages(asked), *_not_of(asked, report)]
    differences += wrong_bets(report, alpha=_level_of(root, report))
    return {
        "verdict": str(directory),
        "subject": asked.title if asked else None,
        "decision": report.get("decision"),
        "agrees": not differences,
        "erased": _erased(asked),
        "differences": differences,
    }


def _level_of(root: Root, report: Mapping[str, Any]) -> float | None:
    """Return the level that the ledger has of the challenger of a verdict; None when it knows none."""
    about = (report.get("model_sha256"), report.get("champion_version"))
    begun = (e for e in Ledger(root.ledger).events() if e["event"] == CHALLENGED)
    return next((float(e["alpha"]) for e in begun if (e["model_sha256"], e["champion"]) == about), None)


def _not_of(asked: Subject, report: Mapping[str, Any]) -> Iterator[str]:
    """Yield how a verdict differs from what the ledger says of the version or the run that was named."""
    entry = asked.judged
    if report.get("run_id") != asked.run.name:
        yield f"{REPORT} is the verdict of run {report.get('run_id')}, not of run {asked.run.name}."
    for name in ("model_sha256", "decision", "metrics", "champion_metrics"):
        if name in entry and entry[name] != report.get(name):
            yield f"{REPORT} has another {name} than the ledger."
    if "decision" in entry:
        said = [reason.get("sentence") for reason in report.get("reasons") or []]
        more = (text for text in said if text not in entry.get("reasons", []))
        yield from (f"{REPORT} gives a reason that the ledger does not: {text}" for text in more)


def verification_text(answer: dict[str, Any]) -> str:
    """Return the result as text for a terminal."""
    if not answer["agrees"]:
        head = f"{answer['verdict']} does not agree with its rows, or with what is recorded of it:"
        return "\n".join([head, *(f"  {difference}" for difference in answer["differences"])])
    whose = f", and it is what the ledger has of {answer['subject']}" if answer["subject"] else ""
    said = f"Every number of {answer['verdict']} agrees with its rows{whose} (decision: {answer['decision']})."
    return f"{said}\n  But {erased_sentence(answer['erased'])}." if answer.get("erased") else said


def _erased(asked: Subject | None) -> str | None:
    if asked is None:
        return None
    sha256 = asked.entry.get("data_sha256") or asked.run_record.artifact("ingest").get("sha256")
    return erasure_of(asked.root, str(sha256 or ""))


def _named_itself(verdict: str) -> Path | None:
    named = Path(verdict).parent if Path(verdict).name == REPORT else Path(verdict)
    try:
        return named if (named / REPORT).is_file() else None
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:  # then it is at most the id of a run
            raise
        return None


def _asked(root: Root, verdict: str) -> Subject | None:
    """Return the version or the run that was named; None for a directory, of which the ledger need not know."""
    return None if _named_itself(verdict) else subject(root, verdict)


def _directory(root: Root, verdict: str) -> Path:
    """Return the directory of a verdict: the one that is named itself, or that of a version or a run."""
    if (named := _named_itself(verdict)) is not None:
        return named
    asked = subject(root, verdict)
    if (found := asked.verdict_directory) is None:
        ended = asked.run_record.outcome
        if asked.version is None and not asked.events and ended is not None:
            raise FinalError(
                f"Run {asked.run_id} ended as {ended}: it came to no verdict.", f"Why: python -m ml explain {verdict}"
            )
        raise FinalError(
            f"{asked.title[0].upper()}{asked.title[1:]} has no {REPORT}.",
            "Only what this release judged can be verified, as long as its release record or the files of its run are "
            "kept.",
        )
    return found
