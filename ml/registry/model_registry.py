"""How a version gets into the served directory and out of it: ledger first, then one rename.

Every method that writes expects the caller to hold the promotion lock (`locked_registry`) and is safe to repeat after
a kill at any point.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.config.settings import Settings
from ml.errors import FinalError
from ml.registry.ledger.entries import INTENT, LARGEST_VERSION, NEVER_PUBLISHED, PUBLISHED, SEALED, WITHDRAWN
from ml.registry.ledger.ledger import Ledger, LedgerChangedError, Version
from ml.registry.version_directories import version_names
from ml.storage import files, locks
from ml.storage.root import Root

log = logging.getLogger(__name__)
Copy = Callable[[Path, Path], None]


@dataclass(frozen=True)
class Registry:
    """The versions of one model: their directories and the ledger.

    In an `emergency` the ledger is appended to although its chain is broken.
    """

    root: Root
    model: str
    emergency: bool = False

    @property
    def ledger(self) -> Ledger:
        """The record of every event of a version."""
        return Ledger(self.root.ledger, emergency=self.emergency)

    def version_directory(self, number: int) -> Path:
        """Return the directory in which the model server looks for the version."""
        return self.root.version(self.model, number)

    def stage(self, name: str, saved_model: Path, *, sha256: str, copy: Copy = files.copy_directory) -> Path:
        """Copy `saved_model` to the filesystem of the served directory, out of the server's sight, and return the copy.

        The copy stands in a base directory of its own as version 1, so that a server can load it privately.

        Raises:
            FinalError: The bytes are not those that `sha256` names.
        """
        base = self.root.staging / name
        staged = base / "1"
        base.mkdir(parents=True)
        copy(saved_model, staged)
        found = files.sha256_tree(staged)
        if found != sha256:
            raise FinalError(
                f"{saved_model}: its bytes (sha256 {found[:12]}) are not those that were judged ({sha256[:12]}).",
                "The files were changed: repeat the run from train.",
            )
        return staged

    def publish(
        self,
        staged: Path,
        record: Path,
        *,
        run_id: str,
        model_sha256: str,
        facts: Mapping[str, Any],
        number: int | None = None,
        record_sha256: str = "",
    ) -> int:
        """Move a staged version and its record to their places, and return the version's number.

        A retry of the same run and bytes finds its own intent and goes on with the same number.

        Args:
            staged: What `stage` returned.
            record: The release record, on the same filesystem.
            run_id: Identifies the version.
            model_sha256: The hash of the staged bytes.
            facts: More fields of the intent.
            number: The number that an intent of the whole command names; by default the next one.
            record_sha256: What the record must hash to, if that is known.

        Raises:
            FinalError: The record was changed, its place is taken, or there is no number left.
        """
        found = files.sha256_tree(record)
        if record_sha256 and found != record_sha256:
            raise FinalError(
                f"{record}: the release record was changed (sha256 {found[:12]}, not {record_sha256[:12]}).",
                "Restore it from a backup, or name another version.",
            )
        identity = {"model_sha256": model_sha256, "record_sha256": found}
        own = self.ledger.of_run(run_id)
        if own is not None and own.pending and identity.items() <= {"record_sha256": found, **own.intent}.items():
            number = own.number
        else:
            number = number if number is not None and number not in self.ledger.versions() else self.next_number()
            self.ledger.append(INTENT, run_id=run_id, version=number, **identity, **facts)
        place = self.version_directory(number)
        if os.path.lexists(place):
            raise FinalError(f"{place} exists already, and not from this run.", "Move it away, then repeat.")
        files.remove_directory(self.root.release(number), self.root.trash)
        files.publish_directory(record, self.root.release(number))
        files.publish_directory(staged, place)
        staged.parent.rmdir()
        self.ledger.append(PUBLISHED, run_id=run_id, version=number)
        log.info("published version %d at %s", number, place)
        return number

    def next_number(self) -> int:
        """Return one more than the highest number ever used, in the ledger or as the name of a directory.

        Raises:
            FinalError: The highest possible number, 2^63-1, is in use.
        """
        on_disk = version_names(self.root.models / self.model)
        highest = max([0, *self.ledger.versions(), *on_disk.values()])
        if highest >= LARGEST_VERSION:
            taken = next((self.root.models / self.model / n for n, number in on_disk.items() if number == highest), "")
            raise FinalError(
                f"There is no version number left: {highest} is the highest that TensorFlow Serving takes, and it is "
                f"in use ({taken or self.root.ledger}).",
                "Move that directory away; every version of ours has a small number.",
            )
        return int(highest + 1)

    def resolve_intent(self, version: Version) -> Version:
        """Bring an intent whose writer died to `published` if its rename had happened, else to `withdrawn`."""
        place = self.version_directory(version.number)
        if version.state == INTENT and self.is_whole(version):
            self.ledger.append(PUBLISHED, run_id=version.run_id, version=version.number)
        elif version.state == INTENT or (version.state == PUBLISHED and not place.is_dir()):
            self.withdraw(version, NEVER_PUBLISHED)
        return self.ledger.versions()[version.number]

    def withdraw(self, version: Version, reason: str) -> None:
        """Retire the number and take the directory out of the server's sight, once the reason is on the disk.

        A broken chain of the ledger does not stop it: a version that fails must not serve on for that.
        """
        if version.state != WITHDRAWN:
            ledger = Ledger(self.root.ledger, emergency=True)
            ledger.append(WITHDRAWN, run_id=version.run_id, version=version.number, reason=reason)
            log.warning("withdrew version %d: %s", version.number, reason)
        place, away = self.version_directory(version.number), self.root.withdrawn / str(version.number)
        if os.path.lexists(place):  # a file, or a link to nowhere, is a version to a server, too
            files.own_directory(self.root.withdrawn)
            files.remove_directory(away, self.root.trash)
            files.move(place, away)

    def prepare(self) -> None:
        """Sweep, and note the hash of every release record that has none, because an older version of the code made it.

        Every command that writes begins with this.
        """
        self.sweep()
        records = {}
        for version in self.ledger.versions().values():
            place = self.root.release(version.number)
            if version.accepted and not version.record_sha256 and place.is_dir():
                records[str(version.number)] = files.sha256_tree(place)
        if records:
            self.ledger.append(SEALED, run_id="seal", records=records)
            log.info("noted the hashes of the release records of versions %s, which had none", ", ".join(records))

    def sweep(self) -> None:
        """Remove what killed tries left: staged copies (the lock: none is in use), withdrawn and bad versions."""
        for leftover in files.children(self.root.staging):
            files.remove_directory(leftover, self.root.trash)
        for version in self.ledger.versions().values():
            if version.state == WITHDRAWN or version.quarantined:
                self.withdraw(version, "its bytes are quarantined")

    def require_not_superseded(self, version: Version) -> None:
        """Check that no newer version serves: a server has unloaded this one then, and nothing can confirm it.

        Raises:
            FinalError: One does.
        """
        newer = [v.number for v in self.ledger.versions().values() if v.number > version.number and v.accepted]
        if newer and version.state != WITHDRAWN:
            raise FinalError(
                f"Version {version.number} was superseded by version {max(newer)}.",
                f"There is nothing left to do for its run. To serve it again: "
                f"python -m ml rollback {version.number} --reason '...'",
            )

    def check_whole(self, version: Version) -> None:
        """Check that the files of a version are those that were confirmed.

        Raises:
            FinalError: Its directory or its record is missing, or was changed.
        """
        place = self.version_directory(version.number)
        found = files.sha256_tree(place)
        if found != version.intent["model_sha256"]:
            raise FinalError(
                f"{place}: its bytes (sha256 {found[:12]}) are not those that were judged "
                f"({version.intent['model_sha256'][:12]}).",
                "Restore the directory from a backup, or name another version.",
            )
        record = self.root.release(version.number)
        if not record.is_dir():
            raise FinalError(f"{record} is missing.", "Restore it from a backup, or name another version.")
        if version.record_sha256 and files.sha256_tree(record) != version.record_sha256:
            raise FinalError(
                f"{record}: the release record was changed.", "Restore it from a backup, or name another version."
            )

    def is_whole(self, version: Version) -> bool:
        """Whether the directory and the record are there, and hold the bytes that the intent names."""
        place, record = self.version_directory(version.number), self.root.release(version.number)
        if not place.is_dir() or not record.is_dir():
            return False
        if version.record_sha256 and files.sha256_tree(record) != version.record_sha256:
            return False
        return bool(files.sha256_tree(place) == version.intent["model_sha256"])


@contextmanager
def locked_registry(root: Root, settings: Settings, *, who: str, emergency: bool = False) -> Iterator[Registry]:
    """Hold the promotion lock for the duration of the block, and give it the registry of the settings' model.

    Args:
        root: Where versions and the ledger are.
        settings: `promote.lock_wait_seconds` says how long to wait for another holder.
        who: Names the holder in the message that others get.
        emergency: Go on although the chain of the ledger is broken, and warn of it.

    Raises:
        TransientError: Another process still holds the lock after that time.
    """
    with locks.hold(root.promotion_lock, who=who, wait_seconds=settings.promote.lock_wait_seconds):
        registry = Registry(root, settings.serving.model, emergency)
        if emergency:
            try:
                registry.ledger.require_unchanged()
            except LedgerChangedError as error:
                log.warning("%s Going on nevertheless.", error)
        yield registry
