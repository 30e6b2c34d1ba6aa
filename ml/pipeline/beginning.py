"""The beginning of a run that has a reason: what the monitoring found is a reason once."""

from __future__ import annotations

from ml.errors import UNCHANGED, NothingToDoError
from ml.pipeline.run import Run
from ml.registry.ledger.entries import TRIGGERED
from ml.registry.model_registry import locked_registry
from ml.registry.policy.trigger import begun_by


def begin_for(run: Run) -> None:
    """Note why the run begins; if for findings, in the ledger too, before anything is done about them.

    A try that is repeated finds its own entry.

    Raises:
        NothingToDoError: For each of the findings another run began, of the same day or not long before.
        LedgerChangedError: The chain of the ledger is broken.
        TransientError: Somebody else holds the promotion lock.
    """
    run.note_trigger()
    trigger = run.trigger
    if not trigger.findings or trigger.day is None:
        return
    with locked_registry(run.root, run.settings, who=f"the beginning of run {run.id}") as registry:
        events = registry.ledger.events()
        if any(event["event"] == TRIGGERED and event["run_id"] == run.id for event in events):
            return
        begun = [begun_by(key, trigger.day, events, cool_down_days=trigger.cool_down_days) for key in trigger.findings]
        if all(begun):
            others = sorted({str(event["run_id"]) for event in begun if event is not None})
            raise NothingToDoError(
                UNCHANGED, f"For {trigger.text} of {trigger.day} a retraining began already: run {', '.join(others)}."
            )
        registry.ledger.append(
            TRIGGERED, run_id=run.id, trigger=trigger.text, day=trigger.day.isoformat(), findings=dict(trigger.findings)
        )
