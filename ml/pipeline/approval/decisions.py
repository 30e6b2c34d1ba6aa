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

from ml.errors import UNCHANGED, FinalError, NothingToDoError
from ml.pipeline.approval.checks import (
    CONFIRM,
    PROMOTE,
    candidate_of,
    does_not_wait,
    require_a_question,
    require_against,
    require_current,
    require_meant,
    require_nothing_in_the_way,
    require_passable,
)
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.registry.ledger.entries import APPROVED, CONFIRMED, INTENT, OVERRIDDEN, PUBLISHED, REFUSED, WAITING
from ml.registry.ledger.ledger import Ledger
from ml.registry.model_registry import locked_registry
from ml.registry.policy.approvals import approval_of, last_word, override_of, version_of
from ml.registry.schemas.in_force import changed_since

STATUS = "Look at: python -m ml status"


@dataclass(frozen=True)
class Approved:
    """What an approval came to.

    Attributes:
        version: The version that serves now.
        override: The override that it needed, if any.
        schema: A sentence if another schema came into force since its data were let through; else "".
    """

    version: int
    override: Mapping[str, Any] | None
    schema: str = ""


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
    verdict = candidate_of(run, f"python -m ml approve {run.id}")
    require_meant(run, candidate, verdict.model_sha256)
    with locked_registry(run.root, run.settings, who=f"approval of run {run.id}") as registry:
        events, now = registry.ledger.events(), datetime.now(UTC)
        known = version_of(events, run.id, verdict.model_sha256)
        if known is not None and known[1] == CONFIRMED:
            raise NothingToDoError(UNCHANGED, f"Run {run.id} was promoted already, as version {known[0]}.")
        if known is None or known[1] != PUBLISHED:
            require_a_question(run, verdict, events, now)
            require_current(run, verdict, registry.ledger)  # before a hold: to end that would not help a stale run
            require_nothing_in_the_way(run, verdict, events, now)
            override = override_of(events, run.id, verdict.model_sha256, now=now)
            about = {"run_id": run.id, "model_sha256": verdict.model_sha256}
            beside = verdict.champion_version
            if approval_of(events, *about.values(), champion=beside, after=override) is None:
                registry.ledger.append(APPROVED, **about, champion=beside, reason=reason)
    try:
        run_step(PROMOTE, run)
    except NothingToDoError as nothing:  # a hold began, or somebody refused it, since the lock was given back
        raise FinalError(f"Run {run.id} was not promoted: {nothing.what}", STATUS) from nothing
    run_step(CONFIRM, run)
    events = Ledger(run.root.ledger).events()
    found = version_of(events, run.id, verdict.model_sha256)
    assert found is not None  # noqa: S101 - confirm has just confirmed it
    permitted = override_of(events, run.id, verdict.model_sha256, now=datetime.now(UTC))
    return Approved(found[0], permitted, changed_since(events, run.schema.sha256))


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
            raise does_not_wait(run, events)
        model_sha256 = str(asked["model_sha256"])
        require_meant(run, candidate, model_sha256)
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
        FinalError: It was promoted already; there is nothing to override, or nothing that an override can pass; or the
            date is past.
        TransientError: Another process holds the promotion lock.
    """
    verdict = candidate_of(run, f"python -m ml override {run.id}")
    require_meant(run, candidate, verdict.model_sha256)
    now = datetime.now(UTC)
    if until <= now:
        raise FinalError(f"--until {until.isoformat(timespec='seconds')}: is past.", "Give a time to come, or hours.")
    with locked_registry(run.root, run.settings, who=f"override for run {run.id}") as registry:
        events = registry.ledger.events()
        known = version_of(events, run.id, verdict.model_sha256)
        if known is not None and known[1] in (CONFIRMED, PUBLISHED):
            raise FinalError(f"Run {run.id} needs no override: it was promoted, as version {known[0]}.", STATUS)
        require_passable(run, verdict, events)
        require_against(run, verdict, events)
        require_current(run, verdict, registry.ledger)
        registry.ledger.append(
            OVERRIDDEN,
            run_id=run.id,
            model_sha256=verdict.model_sha256,
            reason=reason,
            until=until.astimezone(UTC).isoformat(timespec="seconds"),
        )


def _note_refusal(run: Run) -> None:
    """Let the step promote write that it was refused; a run whose files are gone has no result to write."""
    if not run.step_directory("judge").is_dir():
        return
    with suppress(NothingToDoError):  # a candidate that only an override permitted is rejected or kept, as before
        run_step(PROMOTE, run)
