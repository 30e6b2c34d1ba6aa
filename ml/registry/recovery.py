"""Bring to an end what an earlier run left pending, before anything else happens to the served directory."""

from __future__ import annotations

import logging

from ml.config.settings import Settings
from ml.errors import FinalError, TransientError
from ml.registry.endpoint import endpoint
from ml.registry.intervention.rollback_intent import finish_rollback
from ml.registry.ledger.entries import PUBLISHED
from ml.registry.ledger.ledger import Version
from ml.registry.model_registry import Registry, locked_registry
from ml.registry.serving_check import confirm_or_withdraw
from ml.storage.root import Root

log = logging.getLogger(__name__)


def recover(registry: Registry, settings: Settings, *, but: tuple[str, str] = ("", "")) -> list[Version]:
    """Finish the rollback that was begun, confirm or withdraw every version still pending, and return what they became.

    The caller holds the promotion lock.

    Args:
        registry: The versions and their ledger.
        settings: `confirm`, `promote` and `serving` are used.
        but: Run id and SHA-256 of a version that its own run is about to finish.

    Raises:
        TransientError: A version is published, and the model server that could confirm it does not answer.
    """
    registry.prepare()
    finish_rollback(registry, settings)
    recovered = []
    for pending in registry.ledger.pending():
        if (pending.run_id, pending.intent["model_sha256"]) == but:
            continue
        version = registry.resolve_intent(pending)
        if version.state == PUBLISHED:
            log.info("version %d of run %s was left unconfirmed; asking the server", version.number, version.run_id)
            try:
                with endpoint(registry.root, settings) as server:
                    confirm_or_withdraw(version, server=server, registry=registry, settings=settings)
            except FinalError as error:  # it was withdrawn, so it is no longer pending
                log.warning("%s", error)
        recovered.append(registry.ledger.versions()[version.number])
    return recovered


def recover_if_reachable(root: Root, settings: Settings, *, but: tuple[str, str] = ("", "")) -> None:
    """Recover before a run relies on the champion; if the model server does not answer, leave it to promote.

    `but` is as for `recover`.
    """
    if not root.ledger.exists():
        return
    with locked_registry(root, settings, who="recovery of what an earlier run left pending") as registry:
        try:
            recover(registry, settings, but=but)
        except TransientError as error:
            log.warning("%s Going on with the last confirmed version as champion.", error)
