"""What a step and a run came to, each in one word, and how the results of the steps decide it for the run.

Nothing heavy is imported here: the Airflow side, the exporter and the local stack all ask this module.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any, NamedTuple

from ml import errors
from ml.errors import BlockedError, DataError, NothingToDoError, RetrainError
from ml.pipeline.step_names import STEPS
from ml.registry.ledger import entries

DONE, REUSED, SKIPPED, FAILED = "done", "reused", "skipped", "failed"
STEP_OUTCOMES = (DONE, REUSED, SKIPPED, FAILED)
"""What one try of a step can come to, by its result file."""

PROMOTED, BLOCKED = "promoted", "blocked"
REJECTED, KEPT, SAME, WITHHELD = entries.REJECTED, entries.KEPT, entries.SAME, entries.WITHHELD
WAITING, REFUSED = entries.WAITING, entries.REFUSED
UNCHANGED = errors.UNCHANGED
OUTCOMES = (PROMOTED, REJECTED, KEPT, SAME, WITHHELD, WAITING, REFUSED, UNCHANGED, BLOCKED, FAILED)
"""What a run can come to."""

OUTCOME_OF_EVENT = {
    entries.CONFIRMED: PROMOTED,
    entries.REJECTED: REJECTED,
    entries.KEPT: KEPT,
    entries.SAME: SAME,
    entries.WITHHELD: WITHHELD,
    entries.WAITING: WAITING,
    entries.REFUSED: REFUSED,
}
"""The ledger events that end a run, and the outcome that each of them stands for."""

BAD_DATA = frozenset({DataError.__name__, BlockedError.__name__, "BadZipError", "NoRowsError"})
"""The names that `DataError` and its subclasses have in a result file; not all of them are loaded here."""

TEXT_WIDTH = 120 - len("12:00:00 WARNING ")
"""The columns that a line of a log has for its text."""
_WHOLE_WORDS: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}

Results = Mapping[str, Mapping[str, Any]]
"""The content of each result file of a run, by the name of its step."""


class End(NamedTuple):
    """How a run ended: the step that decided it, and the outcome."""

    step: str
    outcome: str


def end_of(results: Results) -> End | None:
    """Say how a run with these results ended; None while it has not come to an end.

    The first step that is not done decides. Results of later steps are from an earlier try.
    """
    for step in STEPS:
        if step not in results:
            return None
        outcome = outcome_of_step(results[step])
        if outcome:
            return End(step, outcome)
    return End(STEPS[-1], PROMOTED)


def outcome_of_step(result: Mapping[str, Any]) -> str:
    """Return the outcome of the run that this step brought to an end; "" when the run goes on after it."""
    if result.get("outcome") == SKIPPED:
        return str(result.get("skipped_because") or UNCHANGED)
    if result.get("outcome") == FAILED:
        return BLOCKED if error_of(result).get("type") in BAD_DATA else FAILED
    return ""


def error_of(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the error in a result, empty without one; a mere text counts as what happened."""
    error = result.get("error") or {}
    return error if isinstance(error, Mapping) else {"what": str(error)}


def error_lines(error: Mapping[str, Any]) -> list[str]:
    """Return the lines with which a log ends that tells of this error: what was found, and last the cure.

    Each sentence begins a line and is wrapped, so that with time and level before it no line has more than 120
    columns; a word that is longer, such as a path, stays whole.
    """
    told = [*(error.get("findings") or [error.get("what", "")]), error.get("cure", "")]
    return [line for text in told if text for line in textwrap.wrap(str(text), TEXT_WIDTH, **_WHOLE_WORDS)]


def result_of_error(error: BaseException) -> dict[str, Any]:
    """Return the fields of a step's result that tell of the exception which ended it.

    These are `outcome` (skipped or failed), `error`, for a skipped step `skipped_because` and, when a wider schema is
    proposed, `proposal`.
    """
    is_known = isinstance(error, RetrainError)
    described: dict[str, Any] = {
        "type": type(error).__name__,
        "what": error.what if isinstance(error, RetrainError) else str(error),
        "cure": error.cure if isinstance(error, RetrainError) else "",
        "retry": error.retry if isinstance(error, RetrainError) else True,
    }
    if is_known and hasattr(error, "findings"):
        described["findings"] = error.findings
    if isinstance(error, NothingToDoError):
        return {"outcome": SKIPPED, "error": described, "skipped_because": error.outcome}
    proposal = getattr(error, "proposal", None)
    return {"outcome": FAILED, "error": described} | ({"proposal": proposal} if proposal else {})
