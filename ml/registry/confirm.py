"""Confirm a published version over HTTP, or take it out again when it failed."""

from __future__ import annotations

from pathlib import Path

from ml.artifacts import Confirmed
from ml.config.settings import Settings
from ml.errors import FinalError
from ml.registry.golden_rows import GoldenRows
from ml.registry.model_registry import locked_registry
from ml.registry.serving_check import confirm_or_withdraw
from ml.registry.traffic.samples import take_sample
from ml.storage.root import Root
from serving.client.model_client import ModelServer


def confirm(number: int, *, server: ModelServer, root: Root, settings: Settings, out: Path) -> Confirmed:
    """Wait until `server` serves version `number`, ask it for the known rows, and write `confirmed` to the ledger.

    Raises:
        TransientError: The server does not answer (yet); the version stays published.
        FinalError: The version failed to load or answered wrongly, and was withdrawn; or a newer one serves.
    """
    with locked_registry(root, settings, who=f"confirmation of version {number}") as registry:
        registry.prepare()
        version = registry.ledger.versions().get(number)
        if version is None:
            raise FinalError(f"Version {number} is not in the ledger.", "Promote it first.")
        registry.require_not_superseded(version)
        version = registry.resolve_intent(version)
        worst = confirm_or_withdraw(version, server=server, registry=registry, settings=settings)
        rows = len(GoldenRows.read(root.release(number) / "replay.json").instances)
    take_sample(root, settings)  # from here on it is the traffic of this version
    return Confirmed(out, version.intent["model_sha256"], rows, number, worst)
