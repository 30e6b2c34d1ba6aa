"""Retention: which versions, data, candidates, runs and scores are kept; what would go stands in a plan first."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from ml.config.settings import Settings
from ml.data.schema import seed_schema
from ml.registry.kept_data import unneeded_data
from ml.registry.ledger.entries import KEPT
from ml.registry.ledger.ledger import Version
from ml.registry.model_registry import Registry, locked_registry
from ml.registry.policy.approvals import overrides, waiting_runs
from ml.registry.references.ancestry import anchor_model_of, anchor_of
from ml.registry.references.challengers import Challenger, followed
from ml.registry.references.model_store import forgettable_models
from ml.registry.references.reference_models import MOST_REFERENCES, reference_models
from ml.registry.schemas.in_force import entry_in_force
from ml.storage import files, locks, run_order
from ml.storage.root import Root
from serving.models.version_source import version_number

log = logging.getLogger("ml.registry.retention")
PROPOSAL_DAYS = 7.0
"""How long a proposal for another schema is kept, whatever keep.runs says: longer than Airflow waits for an answer."""
_KEPT_SCORES = 3
"""The sets of evaluation rows whose scores are kept."""


@dataclass(frozen=True)
class Removal:
    """A directory that retention removes: what it is and why it goes, as parts of a sentence."""

    path: Path
    what: str
    why: str


def clean_up(root: Root, settings: Settings, *, current_run: str = "") -> list[Removal]:
    """Remove what `retention_plan` names, and return it; it may be killed and repeated at any time."""
    with locked_registry(root, settings, who="clean-up") as registry:
        if registry.ledger.chain().faults:
            log.warning("%s was changed: nothing is removed before somebody has looked (ledger verify)", root.ledger)
            return []
        plan = retention_plan(registry, settings, now=datetime.now(UTC), current_run=current_run)
        for removal in plan:
            if locks.is_held(removal.path / ".lock"):  # a run that went on since
                continue
            files.remove_directory(removal.path, root.trash)
            log.info("removed %s: %s", removal.what, removal.why)
        return plan


def retention_plan(registry: Registry, settings: Settings, *, now: datetime, current_run: str = "") -> list[Removal]:
    """Return what goes; nothing is removed.

    The champion is the highest confirmed version, so keeping the newest keeps what serves. Its anchor stays, what
    served within `keep.days`, the release records of quarantined versions and, while a hold stands, the model that was
    gone back from. Pending versions, runs in progress, those that wait for a person and those of followed challengers
    are never touched. Kept candidates go when they are neither reference nor challenger any more, data with the last
    version that was trained on them, and scores when they are of rows that were not asked about lately.
    """
    of_versions = [*_versions(registry, settings, now), *_withdrawn(registry, settings)]
    gone = {removal.path for removal in of_versions}
    data = [
        Removal(place, f"data {place.name[:12]}", "no version that was trained on them is kept")
        for place in unneeded_data(registry, without=gone)
    ]
    models = [
        Removal(place, f"the kept model {place.name[:12]}", "neither reference nor challenger of the champion any more")
        for place in forgettable_models(registry.root, but=_wanted_models(registry))
    ]
    return [*of_versions, *data, *_runs(registry, settings, now, current_run), *models, *_scores(registry.root)]


def _versions(registry: Registry, settings: Settings, now: datetime) -> Iterator[Removal]:
    accepted = sorted((v for v in registry.ledger.versions().values() if v.accepted), key=lambda v: v.number)
    left_at = {one.number: _since(following) for one, following in pairwise(accepted)}
    anchor, earliest = _anchor(registry), now - timedelta(days=settings.keep.days)
    for version in reversed(accepted[: -settings.keep.versions]):
        if version.number == anchor or left_at[version.number] > earliest:
            continue
        why = f"keep.versions is {settings.keep.versions}, and it served before the last {settings.keep.days:g} days"
        for place in (registry.version_directory(version.number), registry.root.release(version.number)):
            if os.path.lexists(place):
                yield Removal(place, f"version {version.number} ({place.parent.name})", why)


def _since(version: Version) -> datetime:
    return datetime.fromisoformat(version.last["at"])


def _withdrawn(registry: Registry, settings: Settings) -> Iterator[Removal]:
    hold, root = registry.ledger.hold(), registry.root
    withdrawn = [path for path in files.children(root.withdrawn) if version_number(path.name) is not None]
    for place in sorted(withdrawn, key=_number, reverse=True)[settings.keep.versions :]:
        if hold is None or _number(place) != hold.version:
            yield Removal(place, f"withdrawn version {place.name}", f"keep.versions is {settings.keep.versions}")


def _runs(registry: Registry, settings: Settings, now: datetime, current_run: str) -> Iterator[Removal]:
    root = registry.root
    busy = {v.run_id for v in registry.ledger.pending()} | _undecided_runs(registry) | {current_run}
    busy |= {one.run_id for one in _followed(registry)}
    in_force = entry_in_force(registry.ledger.events()).get("schema_sha256") or seed_schema().sha256
    runs = sorted(root.runs.iterdir(), key=run_order.recency, reverse=True) if root.runs.is_dir() else []
    for place in runs[settings.keep.runs :]:
        if place.name not in busy and not locks.is_held(place / ".lock") and not _proposes(place, in_force, now):
            yield Removal(place, f"run {place.name}", f"keep.runs is {settings.keep.runs}")


def _proposes(run: Path, in_force: str, now: datetime) -> bool:
    """Whether a blocked run proposes a schema that a person can still accept, and is asked about for some days."""
    result = run / "results" / "validate.json"
    proposal = files.json_object(result).get("proposal")
    if not isinstance(proposal, dict) or proposal.get("previous_sha256") != in_force:
        return False
    return now.timestamp() - result.stat().st_mtime < PROPOSAL_DAYS * 86_400


def _scores(root: Root) -> Iterator[Removal]:
    rows = sorted(files.children(root.scores), key=lambda path: path.stat().st_mtime, reverse=True)
    for place in rows[_KEPT_SCORES:]:
        yield Removal(place, f"scores {place.name[:12]}", f"of rows that are not among the last {_KEPT_SCORES} sets")


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
    wanted |= {one.model_sha256 for one in _followed(registry)}
    return wanted | {anchor_model_of(champion, registry.ledger.versions())}


def _followed(registry: Registry) -> list[Challenger]:
    """Return the challengers of the champion that are followed: one that wins is promoted from the files of its run."""
    champion = registry.ledger.champion()
    return followed(registry.ledger.events(), champion.number) if champion else []


def _number(directory: Path) -> int:
    return version_number(directory.name) or 0
