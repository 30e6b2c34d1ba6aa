"""One look at the evaluation rows: what the ledger knows of earlier ones, and the entry that counts this one."""

from __future__ import annotations

from datetime import UTC, datetime

from ml.artifacts import Evaluation
from ml.gate.context import Look
from ml.pipeline.run import Run
from ml.registry.ledger.entries import INTENT, LOOKED
from ml.registry.ledger.ledger import Ledger, Version
from ml.registry.model_registry import locked_registry
from ml.registry.references.ancestry import REFRESH, original_of
from ml.registry.references.challengers import spent_on_challengers
from ml.registry.references.holdout import holdout_sha256, recipe_sha256
from ml.registry.references.looks import earlier_looks, last_refresh

_DAY_SECONDS = 86_400


def note_look(run: Run, evaluation: Evaluation) -> Look:
    """Count this look in the ledger, before anybody knows what it says, and return what it needs to know.

    A repeated try of the same run with the same evaluation is the same look.
    """
    holdout = holdout_sha256(run.settings.transform)
    with locked_registry(run.root, run.settings, who=f"judging run {run.id}") as registry:
        events = registry.ledger.events()
        is_noted = any(e["event"] == LOOKED and e["evaluation_sha256"] == evaluation.sha256 for e in events)
        recipe_is_new = _recipe_is_new(registry.ledger, run)
        if not is_noted:
            registry.ledger.append(
                LOOKED,
                run_id=run.id,
                holdout=holdout,
                evaluation_sha256=evaluation.sha256,
                model_sha256=evaluation.model_sha256,
                champion=evaluation.champion_version,
                recipe_is_new=recipe_is_new,
            )
    return _look(run, evaluation, holdout, recipe_is_new, now=datetime.now(UTC))


def _look(run: Run, evaluation: Evaluation, holdout: str, recipe_is_new: bool, *, now: datetime) -> Look:
    ledger = Ledger(run.root.ledger)
    versions = ledger.versions()
    if evaluation.baseline_version not in versions:
        raise ValueError("there is no version to look beside")
    baseline = versions[evaluation.baseline_version]
    # A version that was withdrawn before it served begins no new count, and was no refresh; one that served and was
    # gone back from did, and was.
    events = [e for e in ledger.events() if e["event"] != INTENT or versions[e["version"]].has_served]
    earlier = earlier_looks(
        events,
        holdout=holdout,
        evaluation=evaluation.sha256,
        recipe_is_new=recipe_is_new,
        baseline=baseline.number,
        now=now,
    )
    came = datetime.fromisoformat(original_of(baseline, versions).intent["at"])
    refreshed = last_refresh(events, REFRESH, now=now)
    return Look(
        looks_last_year=earlier.last_year + 1,
        looks_since_champion=earlier.since_champion + 1,
        looks_with_other_settings=earlier.of_others,
        holdout_since=earlier.first_at,
        champion_days=_days(now, came),
        days_since_refresh=_days(now, refreshed) if refreshed else None,
        changed_share=evaluation.changed_share or 0.0,
        baseline=evaluation.baseline,
        baseline_note=evaluation.baseline_note,
        anchor=evaluation.anchor,
        on_fresh_outcomes=spent_on_challengers(events, now=now),
    )


def _days(now: datetime, then: datetime) -> float:
    return max(0.0, (now - then).total_seconds() / _DAY_SECONDS)


def _recipe_is_new(ledger: Ledger, run: Run) -> bool:
    """Whether the candidate was made by other settings than the champion; an older champion's are not known."""
    champion: Version | None = ledger.champion()
    known = champion.intent.get("recipe") if champion else None
    return known is not None and known != recipe_sha256(run.settings)
