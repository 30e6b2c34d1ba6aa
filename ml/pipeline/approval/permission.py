"""Whether a candidate may be promoted now: by its verdict, the settings and what people decided. Nothing is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ml.artifacts import Evaluation, Verdict
from ml.config.settings import Settings
from ml.errors import TransientError
from ml.pipeline.approval.rule import why_asked
from ml.registry.ledger.entries import REFUSED, WAITING, WITHHELD
from ml.registry.policy.approvals import approval_of, last_word, override_of
from ml.registry.references.ancestry import OVERRIDDEN

Events = Sequence[Mapping[str, Any]]


class Refusal(NamedTuple):
    """What stands in the way of a promotion: the ledger's word for it, and a sentence."""

    event: str
    reason: str


def refusal(
    verdict: Verdict,
    *,
    run_id: str,
    settings: Settings,
    events: Events,
    now: datetime | None = None,
    approving: bool = False,
) -> Refusal | None:
    """Return what stands in the way of promoting the candidate of a run; None when nothing does.

    Args:
        verdict: What the gate says of the candidate.
        run_id: Its run.
        settings: `promote` and `gate` are used.
        events: The ledger, oldest first.
        now: An override that has lapsed by then does not count; by default at this moment.
        approving: A person is approving it at this moment.
    """
    override = override_of(events, run_id, verdict.model_sha256, now=now or datetime.now(UTC))
    approval = approval_of(events, run_id, verdict.model_sha256, after=override)
    allowed = override is not None and (approving or approval is not None)
    if not verdict.promotes and not allowed:
        return Refusal(verdict.declined_as, f"Not promoted. {' '.join(verdict.sentences)}")
    if not settings.promote.enabled:
        return Refusal(WITHHELD, "The candidate earned promotion, but promotion is switched off.")
    if allowed:
        return None
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


def require_permission(verdict: Verdict, *, run_id: str, settings: Settings, events: Events) -> None:
    """Check under the promotion lock that nothing has come in the way of a candidate that was permitted.

    Raises:
        TransientError: Something has; the step that is repeated will say what, and note it.
    """
    if (found := refusal(verdict, run_id=run_id, settings=settings, events=events)) is not None:
        raise TransientError(f"The permission to promote ended meanwhile. {found.reason}", "Repeat the step.")


def decided(
    verdict: Verdict, evaluation: Evaluation, *, run_id: str, events: Events, now: datetime | None = None
) -> Verdict:
    """Return the verdict by which a permitted candidate is promoted: with the person's reason, if one decided.

    One that needed an override is decided as overridden, and keeps the anchor of the version that it was compared with,
    as a refresh does: nobody has proven that it is better.
    """
    override = override_of(events, run_id, verdict.model_sha256, now=now or datetime.now(UTC))
    approval = approval_of(events, run_id, verdict.model_sha256, after=override)
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
