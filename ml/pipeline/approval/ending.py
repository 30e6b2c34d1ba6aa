"""The end of a run whose candidate is not promoted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from ml.artifacts import Model, Verdict
from ml.errors import NothingToDoError
from ml.pipeline.approval.permission import Refusal
from ml.pipeline.approval.rule import asked_from
from ml.pipeline.run import Run
from ml.registry.decline import decline
from ml.registry.ledger.entries import REFUSED, WAITING


def end_without_promotion(
    run: Run, refusal: Refusal, verdict: Verdict, *, model: Model, identity: Mapping[str, str | int]
) -> NoReturn:
    """Write into the ledger, once, that the candidate is not promoted and why, and end the run.

    Raises:
        NothingToDoError: Always; its outcome is the event.
    """
    if refusal.event != REFUSED:  # that stands in the ledger already
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
            facts={"asked_from": asked_from(verdict)} if refusal.event == WAITING else {},
        )
    raise NothingToDoError(refusal.event, refusal.reason)
