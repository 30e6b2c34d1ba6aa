"""Retention: the last confirmed versions with their data, the files of the last runs, and always what serves."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from pathlib import Path

from ml.config.settings import Settings
from ml.registry.kept_data import remove_unneeded_data
from ml.registry.ledger.entries import KEPT
from ml.registry.model_registry import Registry, locked_registry
from ml.registry.policy.approvals import overrides, waiting_runs
from ml.registry.references.ancestry import anchor_model_of, anchor_of
from ml.registry.references.model_store import forget_models
from ml.registry.references.reference_models import MOST_REFERENCES, reference_models
from ml.storage import files, locks, run_order
from ml.storage.root import Root
from serving.models.version_source import version_number

log = logging.getLogger("ml.registry.retention")
_KEPT_SCORES = 3
"""The sets of evaluation rows whose scores are kept."""


def clean_up(root: Root, settings: Settings, *, current_run: str = "") -> None:
    """Remove versions and runs beyond the numbers in the settings; it may be killed and repeated at any time.

    The champion is the highest confirmed version, so keeping the newest keeps what serves; pending versions, the
    champion's anchor, runs in progress and those that wait for a person are never touched. Kept candidates go when they
    are no reference any more, and scores when they are of rows that were not asked about lately.
    """
    with locked_registry(root, settings, who="clean-up") as registry:
        if registry.ledger.chain().faults:
            log.warning("%s was changed: nothing is removed before somebody has looked (ledger verify)", root.ledger)
            return
        versions = registry.ledger.versions().values()
        confirmed = sorted((v.number for v in versions if v.accepted), reverse=True)
        anchor = _anchor(registry)
        for number in confirmed[settings.keep.versions :]:
            if number == anchor:
                continue
            for directory in (registry.version_directory(number), root.release(number)):
                _remove(directory, root, f"version {number}")
        withdrawn = [path for path in files.children(root.withdrawn) if version_number(path.name) is not None]
        for directory in sorted(withdrawn, key=_number, reverse=True)[settings.keep.versions :]:
            _remove(directory, root, f"withdrawn version {directory.name}")
        remove_unneeded_data(registry)
        busy = {v.run_id for v in registry.ledger.pending()} | _undecided_runs(registry) | {current_run}
        runs = sorted(root.runs.iterdir(), key=run_order.recency, reverse=True) if root.runs.is_dir() else []
        for directory in runs[settings.keep.runs :]:
            if directory.name not in busy and not locks.is_held(directory / ".lock"):
                _remove(directory, root, f"run {directory.name}")
        forget_models(root, but=_wanted_models(registry))
        rows = sorted(files.children(root.scores), key=lambda path: path.stat().st_mtime, reverse=True)
        for directory in rows[_KEPT_SCORES:]:
            files.remove_directory(directory, root.trash)


def _anchor(registry: Registry) -> int | None:
    champion = registry.ledger.champion()
    return anchor_of(champion, registry.ledger.versions()).number if champion else None


def _undecided_runs(registry: Registry) -> set[str]:
    """Return the runs whose candidate a person may still have promoted."""
    champion, events = registry.ledger.champion(), registry.ledger.events()
    waiting = waiting_runs(events, champion=champion.number if champion else None)
    return {str(event["run_id"]) for event in (*waiting, *overrides(events, now=datetime.now(UTC)))}


def _wanted_models(registry: Registry) -> set[str]:
    """Return the hashes of the kept models that a next look may need, on whichever split a run tries.

    The settings of the run that cleans up must not decide: a single trial run would leave the champion alone.
    """
    champion = registry.ledger.champion()
    if champion is None:
        return set()
    events = [e for e in registry.ledger.events() if e.get("champion") == champion.number or e["event"] == KEPT]
    wanted = {str(event["stand_in"]) for event in events if event.get("stand_in")}
    for holdout in {str(event["holdout"]) for event in events if event.get("holdout")}:
        models = reference_models(registry.root, registry.model, champion, holdout=holdout, most=MOST_REFERENCES)
        wanted |= {one.model_sha256 for one in models}
    return wanted | {anchor_model_of(champion, registry.ledger.versions())}


def _number(directory: Path) -> int:
    return version_number(directory.name) or 0


def _remove(directory: Path, root: Root, what: str) -> None:
    if os.path.lexists(directory):
        files.remove_directory(directory, root.trash)
        log.info("removed %s: the settings keep no more than that", what)
