"""How a version gets into the served directory and out of it: ledger first, then one rename.

Every method that writes expects the caller to hold the promotion lock (`locked_registry`) and is safe to repeat after
a kill at any point.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.config.settings import Settings
from ml.errors import FinalError
from ml.registry.ledger import INTENT, PUBLISHED, WITHDRAWN, Ledger, Version
from ml.storage import files, locks
from ml.storage.root import Root

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Registry:
    """The versions of one model: their directories and the ledger."""

    root: Root
    model: str

    @property
    def ledger(self) -> Ledger:
        """The record of every event of a version."""
        return Ledger(self.root.ledger)

    def version_directory(self, number: int) -> Path:
        """Return the directory in which the model server looks for the version."""
        return self.root.version(self.model, number)

    def stage(self, name: str, saved_model: Path, *, sha256: str) -> Path:
        """Copy `saved_model` to the filesystem of the served directory, out of the server's sight, and return the copy.

        The copy stands in a base directory of its own as version 1, so that a server can load it privately.

        Raises:
            FinalError: The bytes are not those that `sha256` names.
        """
        base = self.root.staging / name
        staged = base / "1"
        base.mkdir(parents=True)
        files.copy_directory(saved_model, staged)
        found = files.sha256_tree(staged)
        if found != sha256:
            raise FinalError(
                f"{saved_model}: its bytes (sha256 {found[:12]}) are not those that were judged ({sha256[:12]}).",
                "The files were changed: repeat the run from train.",
            )
        return staged

    def publish(self, staged: Path, record: Path, *, run_id: str, model_sha256: str, facts: Mapping[str, Any]) -> int:
        """Move a staged version and its record to their places, and return the version's number.

        A retry of the same run and bytes finds its own intent and goes on with the same number.
        """
        own = self.ledger.of_run(run_id)
        if own is not None and own.pending and own.intent["model_sha256"] == model_sha256:
            number = own.number
        else:
            number = self.next_number()
            self.ledger.append(INTENT, run_id=run_id, version=number, model_sha256=model_sha256, **facts)
        place = self.version_directory(number)
        if place.exists():
            raise FinalError(f"{place} exists already, and not from this run.", "Move it away, then repeat.")
        files.remove_directory(self.root.release(number), self.root.trash)
        files.publish_directory(record, self.root.release(number))
        files.publish_directory(staged, place)
        staged.parent.rmdir()
        self.ledger.append(PUBLISHED, run_id=run_id, version=number)
        log.info("published version %d at %s", number, place)
        return number

    def next_number(self) -> int:
        """Return one more than the highest number ever used, in the ledger or as the name of a directory."""
        base = self.root.models / self.model
        on_disk = [int(p.name) for p in base.glob("*") if p.name.isdecimal()] if base.is_dir() else []
        return max([0, *self.ledger.versions(), *on_disk]) + 1

    def resolve_intent(self, version: Version) -> Version:
        """Bring an intent whose writer died to `published` if its rename had happened, else to `withdrawn`."""
        place = self.version_directory(version.number)
        if version.state == INTENT and self._is_whole(version):
            self.ledger.append(PUBLISHED, run_id=version.run_id, version=version.number)
        elif version.state == INTENT or (version.state == PUBLISHED and not place.is_dir()):
            self.withdraw(version, "it was never completely published")
        return self.ledger.versions()[version.number]

    def withdraw(self, version: Version, reason: str) -> None:
        """Retire the number and take the directory out of the server's sight, once the reason is on the disk."""
        if version.state != WITHDRAWN:
            self.ledger.append(WITHDRAWN, run_id=version.run_id, version=version.number, reason=reason)
            log.warning("withdrew version %d: %s", version.number, reason)
        place, away = self.version_directory(version.number), self.root.withdrawn / str(version.number)
        if place.exists():
            files.remove_directory(away, self.root.trash)
            files.publish_directory(place, away)

    def sweep(self) -> None:
        """Remove what killed tries left: staged copies (the lock says that none is in use) and withdrawn versions."""
        for leftover in self.root.staging.glob("*"):
            files.remove_directory(leftover, self.root.trash)
        for version in self.ledger.versions().values():
            if version.state == WITHDRAWN and self.version_directory(version.number).exists():
                self.withdraw(version, "")

    def _is_whole(self, version: Version) -> bool:
        """Whether its directory and its record are there, and its bytes are those that were judged."""
        place = self.version_directory(version.number)
        if not place.is_dir() or not self.root.release(version.number).is_dir():
            return False
        return bool(files.sha256_tree(place) == version.intent["model_sha256"])


@contextmanager
def locked_registry(root: Root, settings: Settings, *, who: str) -> Iterator[Registry]:
    """Hold the promotion lock for the duration of the block, and give it the registry of the settings' model.

    Args:
        root: Where versions and the ledger are.
        settings: `promote.lock_wait_seconds` says how long to wait for another holder.
        who: Names the holder in the message that others get.

    Raises:
        TransientError: Another process still holds the lock after that time.
    """
    with locks.hold(root.promotion_lock, who=who, wait_seconds=settings.promote.lock_wait_seconds):
        yield Registry(root, settings.serving.model)
