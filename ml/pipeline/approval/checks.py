"""What has to hold before a person's decision about a candidate counts; each check says what is wrong, and the cure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ml.artifacts import Accepted, Evaluation, Model, Verdict
from ml.errors import FinalError
from ml.pipeline.approval.permission import Refusal, refusal
from ml.pipeline.identity import recorded_identity
from ml.pipeline.outcome import BLOCKED, FAILED, end_of
from ml.pipeline.run import Run
from ml.pipeline.run_record import RunRecord
from ml.registry.ledger.entries import APPROVED, OVERRIDDEN, REFUSED, SAME, WAITING, WITHHELD
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy import hold, quarantine
from ml.registry.policy.approvals import last_word, override_of

PROMOTE, CONFIRM = "promote", "confirm"
TOO_GOOD = "leak_suspected"
"""The code of a reason that no override passes."""


def candidate_of(run: Run, again: str) -> Verdict:
    """Return the verdict of a run whose steps up to it are done, and whose files are those that they made.

    Raises:
        FinalError: They are not.
    """
    end = end_of(RunRecord.read(run.directory).results)
    before = end is not None and end.step not in (PROMOTE, CONFIRM) and end.outcome in (BLOCKED, FAILED)
    if end is not None and before:
        raise FinalError(
            f"Run {run.id} has no candidate: it ended as {end.outcome} at {end.step}.",
            "Mend what stopped it, and start a new run.",
        )
    if not (run.step_directory("judge") / "artifact.json").is_file():
        raise FinalError(f"Run {run.id} has no verdict that could be decided about.", f"Let it end, then: {again}")
    run.artifact("validate", Accepted)
    run.artifact("evaluate", Evaluation)
    verdict, model = run.artifact("judge", Verdict), run.artifact("train", Model)
    if model.sha256 != verdict.model_sha256:
        raise FinalError(
            f"Run {run.id}: the verdict is about other bytes than those of the model.", "Repeat the run from evaluate."
        )
    return verdict


def require_meant(run: Run, meant: str, found: str) -> None:
    """Check that the candidate is the one that a person was asked about; "" is any."""
    if not found.startswith(meant):
        raise FinalError(
            f"Run {run.id}: the decision was about candidate {meant[:12]}, and the run has {found[:12]} now.",
            "Look at it again, and decide about what is there: python -m ml explain " + run.id,
        )


def require_a_question(run: Run, verdict: Verdict, events: list[dict[str, Any]], now: datetime) -> None:
    """Check that the run waits, or that an override stands and passes it."""
    standing = override_of(events, run.id, verdict.model_sha256, now=now)
    if standing is not None:
        require_passable(run, verdict, events)
    last = last_word(events, run.id, verdict.model_sha256)
    if standing is None and (last is None or last["event"] == REFUSED):
        raise does_not_wait(run, events)


def require_nothing_in_the_way(run: Run, verdict: Verdict, events: list[dict[str, Any]], now: datetime) -> None:
    """Check that neither a hold nor anything else refuses a candidate that waits, or for which an override stands."""
    fingerprint = str(recorded_identity(run, verdict.model_sha256)["fingerprint"])
    in_the_way = refusal(
        verdict,
        run_id=run.id,
        fingerprint=fingerprint,
        settings=run.settings,
        events=events,
        now=now,
        approving=True,
    )
    if in_the_way is not None:
        raise FinalError(f"Run {run.id} cannot be approved: {in_the_way.reason}", _cure(run, in_the_way))


def require_passable(run: Run, verdict: Verdict, events: list[dict[str, Any]]) -> None:
    """Check that nothing speaks against the candidate that no override passes."""
    for found in verdict.reasons:
        if found["code"] == TOO_GOOD:
            raise FinalError(
                f"Run {run.id} cannot be overridden: {found['sentence']}",
                "Find the leak and start a new run; if the data really are that easy, raise judge.at_most.",
            )
    if verdict.model_sha256 in quarantine.quarantine_of(events).models:
        raise FinalError(f"Run {run.id} cannot be overridden: its model is quarantined.", "Train another one.")


def require_against(run: Run, verdict: Verdict, events: list[dict[str, Any]]) -> None:
    """Check that the verdict, a person or a hold was against the candidate."""
    if verdict.declined_as == SAME:
        raise FinalError(f"Run {run.id} is the champion once more.", "There is nothing to promote.")
    if not verdict.promotes:
        return
    last = last_word(events, run.id, verdict.model_sha256)
    if last is not None and last["event"] == REFUSED:
        return
    if last is not None and last["event"] in (WAITING, APPROVED):
        raise FinalError(f"Run {run.id} needs no override: it waits.", _approve(run))
    ended = [e for e in events if e["run_id"] == run.id and e["event"] == WITHHELD]
    codes = ended[-1].get("codes") or [] if ended else []
    if hold.CODE not in codes and quarantine.CODE not in codes:
        raise FinalError(
            f"Run {run.id} needs no override: its candidate earned promotion.",
            f"Promotion may be switched off (promote.enabled); else: python -m ml promote --run {run.id}",
        )


def require_current(run: Run, verdict: Verdict, ledger: Ledger) -> None:
    """Check that the champion is the version beside which the candidate was judged."""
    champion = ledger.champion()
    number = champion.number if champion else None
    if number != verdict.champion_version:
        then, now = (f"version {n}" if n is not None else "no champion" for n in (verdict.champion_version, number))
        raise FinalError(
            f"Run {run.id} is stale: its candidate was compared with {then}, and the champion is now {now}.",
            "Start a new run, so that the candidate is compared with the version that serves.",
        )


def does_not_wait(run: Run, events: list[dict[str, Any]]) -> FinalError:
    """Return the error that says what became of a run that waits for nobody."""
    of_run = [e["event"] for e in events if e["run_id"] == run.id]
    if REFUSED in of_run and of_run[-1] in (REFUSED, OVERRIDDEN, APPROVED):
        return FinalError(f"Run {run.id} does not wait: it was refused.", _override(run))
    if OVERRIDDEN in of_run:
        return FinalError(f"Run {run.id} does not wait: its override has lapsed.", _override(run))
    outcome = RunRecord.read(run.directory).outcome
    return FinalError(
        f"Run {run.id} does not wait for anybody{f': it ended as {outcome}' if outcome else ''}.",
        "`python -m ml status` lists the runs that wait. A verdict against a candidate can be overridden: "
        f"python -m ml override {run.id} --reason '...'",
    )


def _cure(run: Run, found: Refusal) -> str:
    return _override(run) if found.event != WITHHELD else "Look at: python -m ml status"


def _approve(run: Run) -> str:
    return f"python -m ml approve {run.id} --reason '...'"


def _override(run: Run) -> str:
    return f"To permit it nevertheless: python -m ml override {run.id} --reason '...'"
