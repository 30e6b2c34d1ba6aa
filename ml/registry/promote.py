"""Publish a candidate that earned promotion: under the lock, after a check on a private server, by one rename."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml.artifacts import Evaluation, Model, Release, Verdict
from ml.config.settings import Settings
from ml.data.features import FEATURES
from ml.errors import FinalError
from ml.registry.golden_rows import GoldenRows
from ml.registry.kept_data import keep_data
from ml.registry.ledger.entries import CONFIRMED, NEVER_PUBLISHED, PUBLISHED, WITHDRAWN
from ml.registry.ledger.ledger import Ledger
from ml.registry.model_registry import Registry, locked_registry
from ml.registry.policy.quarantine import quarantine_of
from ml.registry.recovery import recover
from ml.registry.references import ancestry
from ml.registry.references.baseline import served_version
from ml.registry.references.model_store import store_model
from ml.registry.traffic.samples import take_sample
from ml.registry.version_directories import require_known
from ml.storage import files
from ml.storage.root import Root

log = logging.getLogger("ml.registry.promote")
Check = Callable[[Path, GoldenRows, Settings], None]


def promote(
    model: Model,
    verdict: Verdict,
    *,
    statistics: Path,
    evaluation: Evaluation,
    root: Root,
    settings: Settings,
    run_id: str,
    identity: Mapping[str, str | int],
    ingredients: Mapping[str, Any] | None = None,
    data: Path | None = None,
    permit: Callable[[], object],
    check: Check | None = None,
) -> Release:
    """Publish `model` under the next version number. Repeating it for the same run and bytes changes nothing more.

    Args:
        model: The candidate; its files must hash to what the verdict names.
        verdict: Promotes, and names the champion it was judged against.
        statistics: TFDV's statistics of its data, kept in the release record for drift.
        evaluation: Its report and the hashes of its rows are kept there too.
        root: Where versions, releases and the ledger are.
        settings: `promote`, `confirm` and `serving` are used.
        run_id: Identifies the version: a retry finds its own intent.
        identity: Hashes of data, schema, settings and code, for the ledger.
        ingredients: What else it takes to make the model again, for the release record.
        data: The CSV whose hash `identity` names; it is kept as long as the version.
        permit: Raises when something forbids the promotion; asked once the lock is held, so that a rollback that came
            in between counts.
        check: Loads the staged copy and asks it for the known rows; the default starts a private model server.

    Raises:
        FinalError: The verdict is stale, the bytes changed or are quarantined, the private answers are wrong, the
            version was superseded, or the ledger does not know a version that a server sees.
        TransientError: Another promotion holds the lock, or an earlier version is still pending.
    """
    with locked_registry(root, settings, who=f"promotion of run {run_id}") as registry:
        recover(registry, settings, but=(run_id, verdict.model_sha256))
        require_known(root, registry.model)
        number = _already_published(registry, run_id, verdict.model_sha256)
        if number is None:
            permit()
            _check_decision(verdict)
            _check_quarantine(registry.ledger, verdict)
            _check_champion(registry.ledger, verdict)
            _check_served(root, settings, verdict)
            golden_rows = GoldenRows.read(model.golden_rows)
            staged = registry.stage(run_id, model.saved_model, sha256=verdict.model_sha256)
            (check or _answers_privately)(staged, golden_rows, settings)
            if verdict.anchor_sha256 and verdict.anchor_sha256 == model.stand_in_sha256:
                store_model(root, model.stand_in, verdict.anchor_sha256)
            if data is not None:
                keep_data(data, str(identity["data_sha256"]), root=root)
            made_of = {**identity, **(ingredients or {})}
            place = root.staging / f"{run_id}.record"
            record = _record(place, model, verdict, statistics, evaluation, settings, made_of)
            facts = {
                **identity,
                "champion": verdict.champion_version,
                "decision": verdict.decision,
                "anchor": verdict.anchor_version,
                **({"anchor_sha256": verdict.anchor_sha256} if verdict.anchor_sha256 else {}),
                **({"better_than": verdict.better_than} if verdict.better_than else {}),
                "reasons": verdict.sentences,
                "codes": [told["code"] for told in verdict.reasons],
                "metrics": verdict.metrics,
                "champion_metrics": verdict.champion_metrics,
            }
            take_sample(root, settings)  # the last of the traffic before this version
            number = registry.publish(staged, record, run_id=run_id, model_sha256=verdict.model_sha256, facts=facts)
    return Release(registry.version_directory(number), verdict.model_sha256, model.rows, number)


def _already_published(registry: Registry, run_id: str, model_sha256: str) -> int | None:
    """Return the number under which an earlier try of this run published these very bytes; None if none did."""
    own = registry.ledger.of_run(run_id)
    if own is None or own.intent["model_sha256"] != model_sha256:
        return None
    if own.pending and registry.version_directory(own.number).exists():
        own = registry.resolve_intent(own)
    if own.state == WITHDRAWN and own.last.get("reason") == NEVER_PUBLISHED:
        return None  # the next number is free to try
    if own.state == WITHDRAWN:
        raise FinalError(
            f"Version {own.number} of this run was withdrawn: {own.last.get('reason', 'unknown')}.",
            "Its number is not used again. Find the cause, then start a new run.",
        )
    if own.state not in (PUBLISHED, CONFIRMED):
        return None
    registry.require_not_superseded(own)
    return own.number


def _check_decision(verdict: Verdict) -> None:
    """Check that paired tests or a rule for first versions decided, and not the comparison of points of older code."""
    if verdict.decision not in ancestry.PROMOTES:
        raise FinalError(
            "The verdict was reached by an older release, which compared point values.",
            "Repeat the run's steps from evaluate on, or start a new run.",
        )


def _check_quarantine(ledger: Ledger, verdict: Verdict) -> None:
    if why := quarantine_of(ledger.events()).models.get(verdict.model_sha256):
        raise FinalError(
            f"The candidate has the bytes of a model that is quarantined: {why.rstrip('.')}.",
            "They are never published again. Train another one.",
        )


def _check_champion(ledger: Ledger, verdict: Verdict) -> None:
    champion = ledger.champion()
    number = champion.number if champion else None
    if number != verdict.champion_version:
        raise FinalError(
            f"The verdict is stale: it compared with {_named(verdict.champion_version)}, "
            f"and the champion is now {_named(number)}.",
            "Start a new run, so that the candidate is compared with the version that serves.",
        )


def _check_served(root: Root, settings: Settings, verdict: Verdict) -> None:
    """Check that the model server still answers with the version that it answered with when it was asked first."""
    served, _ = served_version(root, settings)
    expected = verdict.served if verdict.served is not None else verdict.champion_version
    if served is not None and expected is not None and served != expected:
        raise FinalError(
            f"The verdict is stale: {_named(expected)} served, or was to serve, when the candidate was evaluated, and "
            f"the model server answers with version {served} now.",
            "Start a new run, so that the candidate is compared with the version that serves.",
        )


def _named(number: int | None) -> str:
    return "no champion" if number is None else f"version {number}"


def _answers_privately(staged: Path, golden_rows: GoldenRows, settings: Settings) -> None:
    from serving.client.model_client import ModelServer, ServingError
    from serving.server.embedded import embedded_server

    model = settings.serving.model
    try:
        with embedded_server(staged.parent, model=model, deadline=settings.promote.load_deadline_seconds) as url:
            server = ModelServer(url, model)
            server.wait_available(1, deadline=settings.promote.load_deadline_seconds)
            worst = golden_rows.check(
                lambda rows: server.predict(rows, version=1),
                tolerance=settings.promote.tolerance,
                whom="A private server with the staged candidate",
            )
    except ServingError as error:
        raise FinalError(
            f"The staged candidate cannot be served: {error}", "Nothing was published. Repeat the run from train."
        ) from error
    log.info(
        "a private server answered %d known rows; largest difference from training %.1e",
        len(golden_rows.instances),
        worst,
    )


def _record(
    place: Path,
    model: Model,
    verdict: Verdict,
    statistics: Path,
    evaluation: Evaluation,
    settings: Settings,
    made_of: Mapping[str, Any],
) -> Path:
    """Write the release record of a version into the new directory `place`."""
    place.mkdir(parents=True)
    shutil.copyfile(statistics, place / "statistics.pb")
    shutil.copyfile(model.golden_rows, place / "replay.json")
    shutil.copyfile(evaluation.report, place / "evaluation.json")
    for kept in (evaluation.row_hashes, evaluation.background, verdict.report, verdict.scored_rows):
        if kept.is_file():
            shutil.copyfile(kept, place / kept.name)
    target = settings.target
    files.write_json(
        place / "release.json",
        {
            "target": {"column": target.column, "positive_segments": list(target.positive_segments)},
            "threshold": target.threshold,
            "features": list(FEATURES),
            "model_sha256": verdict.model_sha256,
            "metrics": verdict.metrics,
            "reasons": verdict.sentences,
            **({"economics": asdict(settings.economics)} if settings.economics.is_set else {}),
            **made_of,
        },
    )
    return place
