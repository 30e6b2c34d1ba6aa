"""Whether a candidate may be promoted: the verdict, the switch, the quarantine and the hold, asked in this order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from ml.artifacts import Model, Verdict
from ml.config.settings import Settings
from ml.errors import FinalError, NothingToDoError
from ml.pipeline.run import Run
from ml.registry.decline import decline
from ml.registry.ledger.entries import WITHHELD
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy import hold, quarantine
from ml.storage.root import Root


@dataclass(frozen=True)
class Refusal:
    """Why a candidate is not promoted.

    Attributes:
        event: What the ledger says of it (`ml.registry.ledger.entries`), which is the outcome of the run, too.
        reason: One or more sentences.
        code: What stopped a candidate whose verdict promotes, for machines; "" when the verdict says all.
    """

    event: str
    reason: str
    code: str = ""


class NotPermittedError(FinalError):
    """A candidate may not be promoted; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def permission(
    verdict: Verdict, *, fingerprint: str, events: Sequence[Mapping[str, Any]], settings: Settings, now: datetime
) -> Refusal | None:
    """Return why the candidate is not promoted now; None when it may be.

    Args:
        verdict: What the gate found.
        fingerprint: Of the data, settings and code of which the candidate was made.
        events: The ledger, oldest first.
        settings: `promote.enabled` is used.
        now: A time with its zone, on which it depends whether a hold stands.
    """
    if not verdict.promotes:
        return Refusal(verdict.declined_as, f"Not promoted. {' '.join(verdict.sentences)}")
    if not settings.promote.enabled:
        return Refusal(WITHHELD, "The candidate earned promotion, but promotion is switched off.")
    if why := quarantine.quarantine_of(events).against(verdict.model_sha256, fingerprint):
        return Refusal(WITHHELD, f"The candidate earned promotion, but is not promoted. {why}", quarantine.CODE)
    held = hold.standing_hold(events, now=now)
    if held is not None and verdict.better_than != held.model_sha256:
        return Refusal(WITHHELD, f"The candidate earned promotion. {held.against()}", hold.CODE)
    return None


def require_permission(root: Root, verdict: Verdict, fingerprint: str, settings: Settings) -> None:
    """Ask with the ledger and the clock as they are now.

    Raises:
        NotPermittedError: The candidate may not be promoted.
    """
    events = Ledger(root.ledger).events()
    refusal = permission(verdict, fingerprint=fingerprint, events=events, settings=settings, now=datetime.now(UTC))
    if refusal is not None:
        raise NotPermittedError(refusal)


def end_without_promotion(
    run: Run, refusal: Refusal, verdict: Verdict, *, model: Model, identity: Mapping[str, str | int]
) -> NoReturn:
    """Write into the ledger, once, that the candidate is not promoted and why, and end the run.

    Raises:
        NothingToDoError: Always; its outcome is the event.
    """
    decline(
        run.root,
        refusal.event,
        verdict,
        model=model,
        run_id=run.id,
        identity=identity,
        settings=run.settings,
        code=refusal.code,
        reason=refusal.reason,
    )
    raise NothingToDoError(refusal.event, refusal.reason)
