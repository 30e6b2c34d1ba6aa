"""Approve, refuse and override: a person's decision is noted in the ledger first, and then carried out.

Each may be killed at any point and repeated. The steps promote and confirm run as in any run, so that their checks and
their results are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ml.artifacts import Accepted, Evaluation, Model, Verdict
from ml.errors import UNCHANGED, FinalError, NothingToDoError
from ml.pipeline.approval.permission import Refusal, refusal
from ml.pipeline.identity import recorded_identity
from ml.pipeline.outcome import BLOCKED, FAILED, end_of
from ml.pipeline.run import Run
from ml.pipeline.run_record import RunRecord
from ml.pipeline.steps import run_step
from ml.registry.ledger.entries import (
    APPROVED,
    CONFIRMED,
    INTENT,
    OVERRIDDEN,
    PUBLISHED,
    REFUSED,
    SAME,
    WAITING,
    WITHHELD,
)
from ml.registry.ledger.ledger import Ledger
from ml.registry.model_registry import locked_registry
from ml.registry.policy import hold, quarantine
from ml.registry.policy.approvals import approval_of, last_word, override_of, version_of

PROMOTE, CONFIRM = "promote", "confirm"
TOO_GOOD = "leak_suspected"
"""The code of a reason that no override passes."""


@dataclass(frozen=True)
class Approved:
    """What an approval came to: the version that serves now, and the override that it needed, if any."""

    version: int
    override: Mapping[str, Any] | None


def approve(run: Run, *, reason: str, candidate: str = "") -> Approved:
    """Promote and confirm the candidate of a run that waits, or for which an override stands.

    Args:
        run: With the settings that it began with.
        reason: A sentence for the ledger.
        candidate: The hash of the candidate that is meant, or its beginning; "" for whichever the run has.

    Raises:
        NothingToDoError: It was promoted already.
        FinalError: The run does not wait, the verdict is stale, files were changed, or a step ended so.
        TransientError: Another promotion holds the lock, or the server does not answer; repeat the command.
    """
    verdict = _candidate(run, f"python -m ml approve {run.id}")
    _require_meant(run, candidate, verdict.model_sha256)
    with locked_registry(run.root, run.settings, who=f"approval of run {run.id}") as registry:
        events, now = registry.ledger.events(), datetime.now(UTC)
        known = version_of(events, run.id, verdict.model_sha256)
        if known is not None and known[1] == CONFIRMED:
            raise NothingToDoError(UNCHANGED, f"Run {run.id} was promoted already, as version {known[0]}.")
        if known is None or known[1] != PUBLISHED:
            _require_a_question(run, verdict, events, now)
            _require_current(run, verdict, registry.ledger)
            override = override_of(events, run.id, verdict.model_sha256, now=now)
            about = {"run_id": run.id, "model_sha256": verdict.model_sha256}
            beside = verdict.champion_version
            if approval_of(events, *about.values(), champion=beside, after=override) is None:
                registry.ledger.append(APPROVED, **about, champion=beside, reason=reason)
    try:
        run_step(PROMOTE, run)
    except NothingToDoError as nothing:  # a hold began, or somebody refused it, since the lock was given back
        raise FinalError(f"Run {run.id} was not promoted: {nothing.what}", "Look at: python -m ml status") from nothing
    run_step(CONFIRM, run)
    events = Ledger(run.root.ledger).events()
    found = version_of(events, run.id, verdict.model_sha256)
    assert found is not None  # noqa: S101 - confirm has just confirmed it
    return Approved(found[0], override_of(events, run.id, verdict.model_sha256, now=datetime.now(UTC)))


def refuse(run: Run, *, reason: str, candidate: str = "") -> None:
    """End a run that waits: its candidate is not promoted.

    Raises:
        NothingToDoError: It was refused already.
        FinalError: The run does not wait, or its candidate was promoted.
        TransientError: Another process holds the promotion lock.
    """
    with locked_registry(run.root, run.settings, who=f"refusal of run {run.id}") as registry:
        events = registry.ledger.events()
        own = registry.ledger.of_run(run.id)
        if own is not None and own.state == INTENT:  # an approval was killed while it was published
            registry.resolve_intent(own)
            events = registry.ledger.events()
        of_run = (e for e in reversed(events) if e["run_id"] == run.id)
        asked = next((e for e in of_run if e["event"] in (WAITING, OVERRIDDEN)), None)
        if asked is None:
            raise _does_not_wait(run, events)
        model_sha256 = str(asked["model_sha256"])
        _require_meant(run, candidate, model_sha256)
        known = version_of(events, run.id, model_sha256)
        if known is not None and known[1] in (CONFIRMED, PUBLISHED):
            raise FinalError(
                f"Run {run.id} was promoted, as version {known[0]}.",
                "To take it out of service: python -m ml rollback --reason '...'",
            )
        last = last_word(events, run.id, model_sha256)
        stands = override_of(events, run.id, model_sha256, now=datetime.now(UTC)) is not None
        is_new = last is None or last["event"] != REFUSED or stands
        if is_new:
            registry.ledger.append(REFUSED, run_id=run.id, model_sha256=model_sha256, reason=reason)
    _note_refusal(run)
    if not is_new:
        raise NothingToDoError(UNCHANGED, f"Run {run.id} was refused already.")


def override(run: Run, *, reason: str, until: datetime, candidate: str = "") -> None:
    """Permit the candidate of a run whose verdict, or a person, was against it, until a date; `approve` uses it.

    Raises:
        NothingToDoError: It was promoted already.
        FinalError: There is nothing to override, or nothing that an override can pass; or the date is past.
        TransientError: Another process holds the promotion lock.
    """
    verdict = _candidate(run, f"python -m ml override {run.id}")
    _require_meant(run, candidate, verdict.model_sha256)
    now = datetime.now(UTC)
    if until <= now:
        raise FinalError(f"--until {until.isoformat(timespec='seconds')}: is past.", "Give a time to come, or hours.")
    with locked_registry(run.root, run.settings, who=f"override for run {run.id}") as registry:
        events = registry.ledger.events()
        known = version_of(events, run.id, verdict.model_sha256)
        if known is not None and known[1] in (CONFIRMED, PUBLISHED):
            raise NothingToDoError(UNCHANGED, f"Run {run.id} was promoted already, as version {known[0]}.")
        _require_passable(run, verdict, events)
        _require_against(run, verdict, events)
        _require_current(run, verdict, registry.ledger)
        registry.ledger.append(
            OVERRIDDEN,
            run_id=run.id,
            model_sha256=verdict.model_sha256,
            reason=reason,
            until=until.astimezone(UTC).isoformat(timespec="seconds"),
        )


def _candidate(run: Run, again: str) -> Verdict:
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


def _require_meant(run: Run, meant: str, found: str) -> None:
    """Check that the candidate is the one that a person was asked about; "" is any."""
    if not found.startswith(meant):
        raise FinalError(
            f"Run {run.id}: the decision was about candidate {meant[:12]}, and the run has {found[:12]} now.",
            "Look at it again, and decide about what is there: python -m ml explain " + run.id,
        )


def _require_a_question(run: Run, verdict: Verdict, events: list[dict[str, Any]], now: datetime) -> None:
    """Check that the run waits or that an override stands, and that nothing else is in the way."""
    standing = override_of(events, run.id, verdict.model_sha256, now=now)
    if standing is not None:
        _require_passable(run, verdict, events)
    last = last_word(events, run.id, verdict.model_sha256)
    if standing is None and (last is None or last["event"] == REFUSED):
        raise _does_not_wait(run, events)
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


def _require_passable(run: Run, verdict: Verdict, events: list[dict[str, Any]]) -> None:
    """Check that nothing speaks against the candidate that no override passes."""
    for found in verdict.reasons:
        if found["code"] == TOO_GOOD:
            raise FinalError(
                f"Run {run.id} cannot be overridden: {found['sentence']}",
                "Find the leak and start a new run; if the data really are that easy, raise judge.at_most.",
            )
    if verdict.model_sha256 in quarantine.quarantine_of(events).models:
        raise FinalError(f"Run {run.id} cannot be overridden: its model is quarantined.", "Train another one.")


def _require_against(run: Run, verdict: Verdict, events: list[dict[str, Any]]) -> None:
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


def _require_current(run: Run, verdict: Verdict, ledger: Ledger) -> None:
    champion = ledger.champion()
    number = champion.number if champion else None
    if number != verdict.champion_version:
        then, now = (f"version {n}" if n is not None else "no champion" for n in (verdict.champion_version, number))
        raise FinalError(
            f"Run {run.id} is stale: its candidate was compared with {then}, and the champion is now {now}.",
            "Start a new run, so that the candidate is compared with the version that serves.",
        )


def _does_not_wait(run: Run, events: list[dict[str, Any]]) -> FinalError:
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
        "python -m ml override RUN --reason '...'",
    )


def _note_refusal(run: Run) -> None:
    """Let the step promote write that it was refused; a run whose files are gone has no result to write."""
    if not run.step_directory("judge").is_dir():
        return
    with suppress(NothingToDoError):  # a candidate that only an override permitted is rejected or kept, as before
        run_step(PROMOTE, run)


def _cure(run: Run, found: Refusal) -> str:
    return _override(run) if found.event != WITHHELD else "Look at: python -m ml status"


def _approve(run: Run) -> str:
    return f"python -m ml approve {run.id} --reason '...'"


def _override(run: Run) -> str:
    return f"To permit it nevertheless: python -m ml override {run.id} --reason '...'"
