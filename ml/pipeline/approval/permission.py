"""Whether a candidate may be promoted: the verdict, the switch, the quarantine, the hold and people, in this order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ml.artifacts import Evaluation, Verdict
from ml.config.settings import Settings
from ml.errors import FinalError
from ml.pipeline.approval.rule import why_asked
from ml.pipeline.run import Run
from ml.registry.ledger.entries import REFUSED, WAITING, WITHHELD
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy import hold, quarantine
from ml.registry.policy.approvals import approval_of, last_word, override_of
from ml.registry.references.ancestry import OVERRIDDEN

Events = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Refusal:
    """What stands in the way of a promotion.

    Attributes:
        event: What the ledger says of the candidate (`ml.registry.ledger.entries`), which is the run's outcome, too.
        reason: One or more sentences.
        code: What withholds a candidate that earned promotion, for machines; "" when the event says all.
    """

    event: str
    reason: str
    code: str = ""


class NotPermittedError(FinalError):
    """A candidate may not be promoted; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def refusal(
    verdict: Verdict,
    *,
    run_id: str,
    fingerprint: str,
    settings: Settings,
    events: Events,
    now: datetime | None = None,
    approving: bool = False,
) -> Refusal | None:
    """Return what stands in the way of promoting the candidate of a run; None when nothing does. Nothing is read.

    An override passes the verdict, the hold, and the quarantine of what it was made of; never that of its bytes.

    Args:
        verdict: What the gate says of the candidate.
        run_id: Its run.
        fingerprint: Of the data, settings and code of which it was made.
        settings: `promote` and `gate` are used.
        events: The ledger, oldest first.
        now: Whether an override has lapsed and a hold stands depends on it; by default this moment.
        approving: A person is approving it at this moment.
    """
    now = now or datetime.now(UTC)
    override = override_of(events, run_id, verdict.model_sha256, now=now)
    approval = approval_of(events, run_id, verdict.model_sha256, champion=verdict.champion_version, after=override)
    allowed = override is not None and (approving or approval is not None)
    if not verdict.promotes and not allowed:
        return Refusal(verdict.declined_as, f"Not promoted. {' '.join(verdict.sentences)}")
    if not settings.promote.enabled:
        return Refusal(WITHHELD, "The candidate earned promotion, but promotion is switched off.")
    quarantined = quarantine.quarantine_of(events)
    if why := quarantined.against(verdict.model_sha256, "" if allowed else fingerprint):
        return Refusal(WITHHELD, f"The candidate earned promotion, but is not promoted. {why}", quarantine.CODE)
    if allowed:
        return None
    held = hold.standing_hold(events, now=now)
    if held is not None and verdict.better_than != held.model_sha256:
        return Refusal(WITHHELD, f"The candidate earned promotion. {held.against()}", hold.CODE)
    last = last_word(events, run_id, verdict.model_sha256)
    if last is not None and last["event"] == REFUSED:
        return Refusal(REFUSED, f"{told('Refused', last)} An override can permit it: python -m ml override {run_id}")
    why = why_asked(verdict, settings.gate.approval)
    if why and not approving and approval is None:
        return Refusal(
            WAITING,
            f"The candidate earned promotion and waits for a person, since {why}. Decide with: "
            f"python -m ml approve {run_id} --reason '...' (or refuse)",
        )
    return None


def require_permission(run: Run, verdict: Verdict, *, fingerprint: str) -> Events:
    """Ask with the ledger and the clock as they are now, and return the events that permit the promotion.

    Raises:
        NotPermittedError: The candidate may not be promoted.
    """
    events = Ledger(run.root.ledger).events()
    found = refusal(verdict, run_id=run.id, fingerprint=fingerprint, settings=run.settings, events=events)
    if found is not None:
        raise NotPermittedError(found)
    return events


def decided(
    verdict: Verdict, evaluation: Evaluation, *, run_id: str, events: Events, now: datetime | None = None
) -> Verdict:
    """Return the verdict by which a permitted candidate is promoted: with the person's reason, if one decided.

    One that needed an override is decided as overridden, and keeps the anchor of the version that it was compared with,
    as a refresh does: nobody has proven that it is better.
    """
    override = override_of(events, run_id, verdict.model_sha256, now=now or datetime.now(UTC))
    approval = approval_of(events, run_id, verdict.model_sha256, champion=verdict.champion_version, after=override)
    if approval is None:
        return verdict
    approved = {"code": "approved", "sentence": told("Approved", approval)}
    if override is None:
        return replace(verdict, reasons=[*verdict.reasons, approved])
    overridden = {"code": "overridden", "sentence": told("Overridden", override)}
    is_compared = evaluation.is_compared
    return replace(
        verdict,
        promotes=True,
        decision=OVERRIDDEN,
        reasons=[overridden, approved, *verdict.reasons],
        anchor_version=evaluation.anchor_version if is_compared else None,
        anchor_sha256=evaluation.anchor_sha256 if is_compared else "",
    )


def told(word: str, event: Mapping[str, Any]) -> str:
    """Return a sentence about a person's decision: what, by whom and why."""
    return f"{word} by {event.get('who', 'unknown')}: {str(event['reason']).rstrip('.')}."
