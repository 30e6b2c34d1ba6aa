"""End the hold that began with a rollback, on a person's word."""

from __future__ import annotations

from ml.config.settings import Settings
from ml.errors import UNCHANGED, NothingToDoError
from ml.registry.ledger.entries import RELEASED
from ml.registry.model_registry import locked_registry
from ml.registry.policy.hold import Hold
from ml.storage.root import Root


def release(root: Root, settings: Settings, *, reason: str) -> Hold:
    """End the hold that stands, and return what it was; from then on runs promote by themselves again.

    The quarantine of the version that was gone back from stays.

    Args:
        root: Where the ledger is.
        settings: `promote.lock_wait_seconds` and `serving.model` are used.
        reason: A sentence for the ledger.

    Raises:
        NothingToDoError: No hold stands.
        LedgerChangedError: A line of the ledger was changed: nothing is to be promoted before somebody has looked.
    """
    with locked_registry(root, settings, who="the end of a hold") as registry:
        hold = registry.ledger.hold()
        if hold is None:
            raise NothingToDoError(UNCHANGED, "No hold stands.")
        registry.ledger.append(RELEASED, run_id="release", reason=reason)
        return hold
