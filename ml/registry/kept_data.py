"""The data of the versions that are kept: `data/SHA256/` below the root, once for each content.

There are data.csv, the manifest of its shards and the rows that outcomes added, as far as the data set has them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from ml.data.outcomes.content import copy_data, data_sha256
from ml.errors import FinalError
from ml.registry.ledger.ledger import Version
from ml.registry.model_registry import Registry
from ml.storage import files
from ml.storage.root import Root

_SHA256 = re.compile(r"[0-9a-f]{64}")


def keep_data(csv: Path, sha256: str, *, root: Root) -> None:
    """Keep a copy of `csv` for the versions that are trained on it; it may be killed and repeated at any time.

    A copy and no hard link: what somebody does to the file of the run must not reach it. The caller holds the promotion
    lock.

    Raises:
        FinalError: The bytes are not those that `sha256` names.
    """
    if kept_data(root, sha256) is not None:
        return
    staged = root.staging / f"{sha256}.data"
    files.remove_directory(staged, root.trash)
    staged.mkdir(parents=True)
    found = data_sha256(copy_data(csv, staged))
    if found != sha256:
        raise FinalError(
            f"{csv}: its bytes (sha256 {found[:12]}) are not those that the run was made of ({sha256[:12]}).",
            "The file was changed: start a new run.",
        )
    files.remove_directory(root.data / sha256, root.trash)  # what is there was damaged
    files.publish_directory(staged, root.data / sha256)


def kept_data(root: Root, sha256: str) -> Path | None:
    """Return the kept CSV with this content; None when it is missing or was changed."""
    if not _SHA256.fullmatch(sha256):
        return None
    csv = root.data / sha256 / "data.csv"
    return csv if csv.is_file() and data_sha256(csv) == sha256 else None


def unneeded_data(registry: Registry, *, without: Collection[Path] = ()) -> list[Path]:
    """Return the directories with data of which no version is kept once the directories `without` are gone.

    There are none while the champion's own directory is missing: then a disk may not be mounted, and what is not to be
    seen is not gone.
    """
    champion = registry.ledger.champion()
    if champion is not None and not registry.version_directory(champion.number).is_dir():
        return []
    kept = (v for v in registry.ledger.versions().values() if _is_kept(registry, v, without))
    needed = {version.intent.get("data_sha256") for version in kept}
    # What else is there is not ours.
    ours = (place for place in files.children(registry.root.data) if _SHA256.fullmatch(place.name))
    return [place for place in ours if place.name not in needed]


def _is_kept(registry: Registry, version: Version, without: Collection[Path]) -> bool:
    places = registry.version_directory(version.number), registry.root.withdrawn / str(version.number)
    return version.pending or any(place.is_dir() and place not in without for place in places)
