"""Where a candidate comes from: why its run began, what the ledger says of it, and what makes two comparable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.artifacts import Dataset
from ml.errors import UNCHANGED, NothingToDoError
from ml.pipeline.fingerprint import code_sha256, environment, run_fingerprint, settings_sha256, source_hashes
from ml.pipeline.run import Run
from ml.registry.ledger.entries import TRIGGERED
from ml.registry.ledger.ledger import Ledger
from ml.registry.model_registry import locked_registry
from ml.registry.policy.provenance import kind_of_data
from ml.registry.policy.trigger import begun_by
from ml.registry.references.holdout import holdout_sha256, recipe_sha256
from ml.storage import run_order


def begin_for(run: Run) -> None:
    """Note why a run begins; if for findings, in the ledger too, before anything is done about them.

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
                UNCHANGED, f"For {trigger.text} on {trigger.day} a retraining began already: run {', '.join(others)}."
            )
        registry.ledger.append(
            TRIGGERED, run_id=run.id, trigger=trigger.text, day=trigger.day.isoformat(), findings=dict(trigger.findings)
        )


def source_kind(run: Run) -> str:
    """Return the kind of the run's data (`ml.registry.policy.provenance`).

    Raises:
        FinalError: The step ingest has not finished.
    """
    dataset, ledger = run.artifact("ingest", Dataset), Ledger(run.root.ledger)
    return kind_of_data(dataset.source, dataset.base_sha256, champion=ledger.champion(), events=ledger.events())


def identity(run: Run) -> dict[str, str | int]:
    """Return what a ledger entry says of where a version comes from: source, rows, and the hashes of all that decides.

    Why its run began is part of it, unless older code began it.

    Raises:
        FinalError: The step ingest has not finished.
    """
    dataset = run.artifact("ingest", Dataset)
    return {
        "source": dataset.source,
        "source_kind": source_kind(run),
        "rows": dataset.rows,
        "data_sha256": dataset.sha256,
        **({"base_sha256": dataset.base_sha256, "outcome_rows": dataset.outcomes["rows"]} if dataset.outcomes else {}),
        "schema_sha256": run.schema.sha256,
        "schema_number": run.schema_number,
        "settings_sha256": settings_sha256(run.settings),
        "code_sha256": code_sha256(),
        "fingerprint": run_fingerprint(dataset.sha256, run.settings, run.schema.sha256),
        "holdout": holdout_sha256(run.settings.transform),
        "recipe": recipe_sha256(run.settings),
        **({"trigger": run.began} if run.began else {}),
    }


def recorded_identity(run: Run, model_sha256: str) -> dict[str, str | int]:
    """Return `identity`, with what the ledger noted when this candidate was not promoted at once.

    A person may decide days later, under another version of this code than the one that made the candidate.
    """
    of_run = run_order.noted(run.directory).get("candidate_of")  # of a kept candidate that won: the run that made it
    noted: Mapping[str, Any] = next(
        (
            event
            for event in reversed(Ledger(run.root.ledger).events())
            if event["run_id"] in (run.id, of_run)
            and event.get("model_sha256") == model_sha256
            and "fingerprint" in event
        ),
        {},
    )
    return {name: noted.get(name, value) for name, value in identity(run).items()}


def ingredients(run: Run) -> dict[str, Any]:
    """Return what a release record says beyond the hashes, so that the model can be made again, or told why not.

    These are the deciding settings, Python and the libraries, the hash of each source file, and the schema's text.
    """
    return {
        "settings": run.settings.deciding_settings(),
        "environment": environment(),
        "sources": source_hashes(),
        "schema": run.schema.text,
    }
