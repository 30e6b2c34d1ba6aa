"""Retention: the last confirmed versions with their data, the files of the last runs, and always what serves."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from ml.config.settings import Settings
from ml.registry.kept_data import remove_unneeded_data
from ml.registry.model_registry import locked_registry
from ml.storage import files, locks, run_order
from ml.storage.root import Root
from serving.models.version_source import version_number

log = logging.getLogger("ml.registry.retention")


def clean_up(root: Root, settings: Settings, *, current_run: str = "") -> None:
    """Remove versions and runs beyond the numbers in the settings; it may be killed and repeated at any time.

    The champion is the highest confirmed version, so keeping the newest keeps what serves; pending versions and
    runs in progress are never touched.
    """
    with locked_registry(root, settings, who="clean-up") as registry:
        if registry.ledger.chain().faults:
            log.warning("%s was changed: nothing is removed before somebody has looked (ledger verify)", root.ledger)
            return
        versions = registry.ledger.versions().values()
        confirmed = sorted((v.number for v in versions if v.accepted), reverse=True)
        for number in confirmed[settings.keep.versions :]:
            for directory in (registry.version_directory(number), root.release(number)):
                _remove(directory, root, f"version {number}")
        withdrawn = [path for path in files.children(root.withdrawn) if version_number(path.name) is not None]
        for directory in sorted(withdrawn, key=_number, reverse=True)[settings.keep.versions :]:
            _remove(directory, root, f"withdrawn version {directory.name}")
        remove_unneeded_data(registry)
        busy = {v.run_id for v in registry.ledger.pending()} | {current_run}
        runs = sorted(root.runs.iterdir(), key=run_order.recency, reverse=True) if root.runs.is_dir() else []
        for directory in runs[settings.keep.runs :]:
            if directory.name not in busy and not locks.is_held(directory / ".lock"):
                _remove(directory, root, f"run {directory.name}")


def _number(directory: Path) -> int:
    return version_number(directory.name) or 0


def _remove(directory: Path, root: Root, what: str) -> None:
    if os.path.lexists(directory):
        files.remove_directory(directory, root.trash)
        log.info("removed %s: the settings keep no more than that", what)
