"""Bring to an end what a former run left pending, before anything else happens to the served directory."""

from __future__ import annotations

import logging

from ml.config.settings import Settings
from ml.errors import FinalError, TransientError
from ml.registry.endpoint import endpoint
from ml.registry.ledger import PUBLISHED, Version
from ml.registry.model_registry import Registry
from ml.registry.serving_check import prove
from ml.storage import locks
from ml.storage.root import Root

log = logging.getLogger(__name__)


def settle(root: Root, settings: Settings, *, but: tuple[str, str] = ("", "")) -> list[Version]:
    """Confirm or withdraw every pending version, except that of the run and bytes `but`; returns what they became.

    The caller holds the promotion lock.

    Raises:
        TransientError: A version is published and the model server does not answer: its fate is open.
    """
    registry = Registry(root, settings.serving.model)
    registry.sweep()
    settled = []
    for pending in registry.ledger.pending():
        if (pending.run_id, pending.intent["model_sha256"]) == but:
            continue
        version = registry.finish(pending)
        if version.state == PUBLISHED:
            log.info("version %d of run %s was left unconfirmed; asking the server", version.number, version.run_id)
            try:
                with endpoint(root, settings) as server:
                    prove(version, server=server, registry=registry, settings=settings)
            except FinalError as error:  # withdrawn: that settles it too
                log.warning("%s", error)
        settled.append(registry.ledger.versions()[version.number])
    return settled


def settle_if_reachable(root: Root, settings: Settings) -> None:
    """Settle at the beginning of a run; what cannot be settled yet is left to promote, which insists."""
    if not root.ledger.exists():
        return
    wait = settings.promote.lock_wait_seconds
    with locks.hold(root.promotion_lock, who="settling what a former run left", wait_seconds=wait):
        try:
            settle(root, settings)
        except TransientError as error:
            log.warning("%s Going on with the last confirmed version as champion.", error)
