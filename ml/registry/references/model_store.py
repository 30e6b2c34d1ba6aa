"""The SavedModels of kept candidates and stand-ins, below `references/`, each under its hash. No server looks there."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ml.errors import FinalError
from ml.registry.ledger.ledger import Version
from ml.storage import files
from ml.storage.root import Root


def stored_model(root: Root, sha256: str) -> Path:
    """Return where the SavedModel with this hash is kept, whether or not it is there."""
    return root.references / sha256 / "saved_model"


def quarantined_model(root: Root, model: str, version: Version) -> Path | None:
    """Return where the bytes of a version lie that was gone back from: served yet, or withdrawn; None when nowhere."""
    sha256 = version.intent["model_sha256"]
    places = root.version(model, version.number), root.withdrawn / str(version.number)
    return next((place for place in places if place.is_dir() and files.sha256_tree(place) == sha256), None)


def store_model(root: Root, saved_model: Path, sha256: str) -> None:
    """Keep a copy of a SavedModel under its hash; one that is there and whole is left alone.

    The caller holds the promotion lock.

    Raises:
        FinalError: The bytes are not those that the hash names.
    """
    place = root.references / sha256
    if files.sha256_tree(place / "saved_model") == sha256:
        return
    found = files.sha256_tree(saved_model)
    if found != sha256:
        raise FinalError(
            f"{saved_model}: its bytes (sha256 {found[:12]}) are not those that were judged ({sha256[:12]}).",
            "The files were changed: repeat the run from train.",
        )
    made = root.staging / f"reference-{sha256}"
    files.remove_directory(made, root.trash)
    made.mkdir(parents=True)
    files.copy_directory(saved_model, made / "saved_model")
    files.own_directory(root.references)
    files.remove_directory(place, root.trash)  # what is there was damaged
    files.publish_directory(made, place)


def forgettable_models(root: Root, *, but: Collection[str]) -> list[Path]:
    """Return the directories of the kept SavedModels whose hash is not in `but`."""
    return [directory for directory in files.children(root.references) if directory.name not in but]
