"""The champion: the version that should be serving, with its release record."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.errors import FinalError
from ml.registry.ledger.ledger import Ledger, Version
from ml.registry.policy.provenance import kind_of
from ml.registry.version_directories import require_known
from ml.storage.files import read_json, sha256_tree
from ml.storage.root import Root

CURE = (
    "Restore the directory from a backup, or give the version up and go back to the one before: "
    "python -m ml rollback --reason '...'"
)


@dataclass(frozen=True)
class Champion:
    """A confirmed version: the directory of its SavedModel, that of its release record, and the kind of its data."""

    number: int
    model_sha256: str
    saved_model: Path
    release: Path
    record_sha256: str = ""
    source_kind: str = ""

    @property
    def statistics(self) -> Path:
        """The file with the TFDV statistics of the data on which it was trained."""
        return self.release / "statistics.pb"

    def release_record(self) -> dict[str, Any]:
        """Return what release.json says: target, threshold and inputs, which two comparable models share."""
        return dict(read_json(self.release / "release.json"))


def recorded_champion(root: Root, model: str) -> Champion | None:
    """Return the last version that the ledger calls confirmed, whatever became of its files; None before the first."""
    version = Ledger(root.ledger).champion()
    return None if version is None else champion_of(root, model, version)


def champion_of(root: Root, model: str, version: Version) -> Champion:
    """Return the directories and the hashes of a version as those of a champion."""
    return Champion(
        version.number,
        version.intent["model_sha256"],
        root.version(model, version.number),
        root.release(version.number),
        version.record_sha256,
        kind_of(version.intent),
    )


def verified_champion(root: Root, model: str) -> Champion | None:
    """Return the last confirmed version after checking its files; None before the first.

    Raises:
        FinalError: The ledger names a champion whose files are gone or were changed, or does not know a version that a
            server sees.
    """
    require_known(root, model)
    champion = recorded_champion(root, model)
    if champion is None:
        return None
    lost = damage_of(champion)
    if lost:
        raise FinalError(f"Version {champion.number} is the champion by the ledger, but {lost}.", CURE)
    return champion


def damage_of(champion: Champion) -> str:
    """Return how the champion's files differ from those that were confirmed; "" when they do not."""
    for needed in (champion.saved_model, champion.release):
        if not needed.is_dir():
            return f"{needed} is {'not a directory' if os.path.lexists(needed) else 'missing'}"
    found = sha256_tree(champion.saved_model)
    if found != champion.model_sha256:
        return (
            f"the bytes in {champion.saved_model} were changed (sha256 {found[:12]}, not {champion.model_sha256[:12]})"
        )
    if champion.record_sha256 and sha256_tree(champion.release) != champion.record_sha256:
        return f"the release record in {champion.release} was changed"
    return ""
