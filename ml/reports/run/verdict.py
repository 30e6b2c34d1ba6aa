"""What a run came to, in a sentence, and why: the sentences that decided, and those that only give the measure."""

from __future__ import annotations

from dataclasses import dataclass

from ml.gate.reason import CONTEXT
from ml.pipeline.outcome import (
    BLOCKED,
    FAILED,
    KEPT,
    PROMOTED,
    REFUSED,
    REJECTED,
    SAME,
    UNCHANGED,
    WAITING,
    WITHHELD,
    end_of,
    error_of,
)
from ml.reports.run.material import Material
from ml.storage.locks import is_held

RUNNING, STOPPED = "running", "stopped"
"""What stands in the place of an outcome while there is none."""
TONES = {
    PROMOTED: "good",
    REJECTED: "bad",
    REFUSED: "bad",
    BLOCKED: "bad",
    FAILED: "bad",
    STOPPED: "bad",
    WAITING: "warning",
    WITHHELD: "warning",
}


@dataclass(frozen=True)
class Verdict:
    """The head of the page.

    Attributes:
        outcome: One of `ml.pipeline.outcome.OUTCOMES`, or `RUNNING` or `STOPPED`.
        tone: The colour of it: good, bad, warning or "".
        headline: What happened, in one sentence.
        why: The sentences that decided it, the first one first.
        beside: Sentences that neither spoke for it nor against it.
        cure: What to do now; "" if nothing.
    """

    outcome: str
    tone: str
    headline: str
    why: list[str]
    beside: list[str]
    cure: str = ""


def verdict_of(of: Material) -> Verdict:
    """Return the head of the page about a run, whatever became of it."""
    outcome = of.record.outcome or (RUNNING if is_held(of.directory / ".lock") else STOPPED)
    if outcome in (WAITING, WITHHELD) and _last_event(of) == REFUSED:
        outcome = REFUSED
    reasons = of.record.artifact("judge").get("reasons", [])
    beside = [str(one["sentence"]) for one in reasons if one["code"] in CONTEXT]
    why, cure = [text for text in of.record.reasons if text not in beside], ""
    if outcome in (BLOCKED, FAILED):
        error, why = _error(of), why[1:]  # the first one names the step, as the headline does
        cure = str(error.get("cure") or "")
        why = [text for text in why if text != cure]
    if outcome in (RUNNING, STOPPED):
        why = []
    return Verdict(outcome, TONES.get(outcome, ""), _headline(outcome, of), why, beside, cure)


def _headline(outcome: str, of: Material) -> str:
    champion = f"version {of.champion.number}" if of.champion else ""
    stays = f"{champion} stays" if champion else "there is still no version"
    number = of.version.number if of.version else "?"
    step = end.step if (end := end_of(of.record.results)) else ""
    last = next(reversed([*of.record.results]), "")
    return {
        PROMOTED: f"The candidate became version {number}" + (f", in place of {champion}." if champion else "."),
        REJECTED: f"The candidate was rejected; {stays}.",
        KEPT: f"The candidate cannot be told apart from what it was compared with; {stays}.",
        SAME: f"The candidate answers exactly as {champion} does; nothing changes.",
        WITHHELD: f"The candidate earned promotion, which is switched off or on hold; {stays}.",
        WAITING: f"The candidate waits for a person to decide; until then {stays}.",
        REFUSED: f"A person refused the candidate; {stays}.",
        UNCHANGED: f"Nothing is new, so nothing was trained; {stays}.",
        BLOCKED: f"The data were refused, so nothing was trained; {stays}.",
        FAILED: f"The step {step} failed, so the run ended without a verdict; {stays}.",
        RUNNING: "This run has not ended yet.",
        STOPPED: f"The run was stopped or killed after the step {last}; {stays}."
        if last
        else f"The run was stopped or killed before its first step had ended; {stays}.",
    }.get(outcome, f"The run ended as {outcome}.")


def _error(of: Material) -> dict[str, object]:
    end = end_of(of.record.results)
    return dict(error_of(of.record.results[end.step])) if end else {}


def _last_event(of: Material) -> str:
    return str(of.subject.events[-1]["event"]) if of.subject and of.subject.events else ""
