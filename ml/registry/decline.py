"""A candidate that is not promoted: the ledger says so once, and one that was found equal to the champion is kept."""

from __future__ import annotations

from collections.abc import Mapping

from ml.artifacts import Model, Verdict
from ml.config.settings import Settings
from ml.registry.ledger.entries import KEPT
from ml.registry.model_registry import locked_registry
from ml.registry.references.model_store import store_model
from ml.storage.root import Root


def decline(
    root: Root,
    event: str,
    verdict: Verdict,
    *,
    model: Model,
    run_id: str,
    identity: Mapping[str, str | int],
    settings: Settings,
    code: str = "",
    reason: str = "",
    facts: Mapping[str, str] | None = None,
) -> None:
    """Append to the ledger, once for each run, that its candidate was rejected, kept, the same, withheld, or waits.

    A kept candidate becomes one of the references of the next looks, and a stand-in is used again by the next runs
    on the same split: their SavedModels are stored first, so that the entry never names what is not there.

    `code` and `reason` say what stopped a candidate whose verdict promotes; they come first.

    Raises:
        FinalError: Their bytes are not those that were judged.
        TransientError: Another process holds the promotion lock.
    """
    with locked_registry(root, settings, who=f"run {run_id}") as registry:
        if any(
            e["event"] == event
            and e["run_id"] == run_id
            and e.get("model_sha256") == verdict.model_sha256
            and e.get("champion") == verdict.champion_version
            and (not code or code in e.get("codes", ()))
            for e in registry.ledger.events()
        ):
            return
        if event == KEPT:
            store_model(root, model.saved_model, verdict.model_sha256)
        if verdict.stand_in and verdict.stand_in == model.stand_in_sha256:
            store_model(root, model.stand_in, verdict.stand_in)
        registry.ledger.append(
            event,
            run_id=run_id,
            model_sha256=verdict.model_sha256,
            **identity,
            champion=verdict.champion_version,
            baseline=verdict.baseline_version,
            decision=verdict.decision,
            reasons=[*([reason] if code else []), *verdict.sentences],
            codes=[*([code] if code else []), *(told["code"] for told in verdict.reasons)],
            metrics=verdict.metrics,
            champion_metrics=verdict.champion_metrics,
            **({"stand_in": verdict.stand_in} if verdict.stand_in else {}),
            **(facts or {}),
        )
