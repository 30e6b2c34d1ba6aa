"""The version that should be serving, with what is remembered of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.errors import FinalError
from ml.files import read_json
from ml.ledger import Ledger
from ml.root import Root


@dataclass(frozen=True)
class Champion:
    """A confirmed version: `saved_model` are its bytes, `release` what was remembered beside them."""

    number: int
    model_sha256: str
    saved_model: Path
    release: Path

    @property
    def statistics(self) -> Path:
        """The TFDV statistics of the data it was trained on."""
        return self.release / "statistics.pb"

    def remembered(self) -> dict[str, Any]:
        """Target, threshold and inputs: what has to be equal for two models to be comparable."""
        return dict(read_json(self.release / "release.json"))


def champion_of(root: Root, model: str) -> Champion | None:
    """The last confirmed version, or None before the first.

    Raises:
        FinalError: The ledger names a champion whose files are gone.
    """
    version = Ledger(root.ledger).champion()
    if version is None:
        return None
    champion = Champion(
        version.number,
        version.intent["model_sha256"],
        root.version(model, version.number),
        root.release(version.number),
    )
    for needed in (champion.saved_model, champion.release):
        if not needed.is_dir():
            raise FinalError(
                f"Version {champion.number} is the champion by the ledger, but {needed} is missing.",
                "Restore the directory from a backup, or roll back: python -m ml rollback --reason '...'",
            )
    return champion
