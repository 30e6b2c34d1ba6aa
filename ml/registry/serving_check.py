"""The check of a published version: the model server calls it AVAILABLE and answers the known rows as training did."""

from __future__ import annotations

import logging

from ml.config.settings import Settings
from ml.errors import FinalError, TransientError
from ml.registry.champion import CURE as GIVE_UP
from ml.registry.champion import champion_of, damage_of
from ml.registry.golden_rows import GoldenRows, WrongAnswersError
from ml.registry.ledger.entries import CONFIRMED, WITHDRAWN
from ml.registry.ledger.ledger import Version
from ml.registry.model_registry import Registry
from serving.client.model_client import DeadlineExceeded, ModelServer, Refused, Unreachable, VersionFailed

log = logging.getLogger(__name__)
CURE = "The version before it keeps serving. Find the cause, then retrain."


def confirm_or_withdraw(
    version: Version, *, server: ModelServer, registry: Registry, settings: Settings, event: str = CONFIRMED
) -> float:
    """Confirm a published version, or withdraw it when it failed to load or answered wrongly.

    The caller holds the promotion lock. `event` is what the ledger gets for a version that was confirmed before and is
    confirmed again; by default that is not worth an entry.

    Returns:
        The largest difference between a probability of the server and that of training.

    Raises:
        TransientError: The server does not answer, or not yet, which says nothing against the model.
        FinalError: The version was withdrawn; the message says why. Or it had been confirmed before, and its files
            were changed since.
    """
    if version.state == WITHDRAWN:
        reason = version.last.get("reason", "unknown")
        raise FinalError(f"Version {version.number} was withdrawn before: {reason}.", CURE)
    lost = damage_of(champion_of(registry.root, registry.model, version))
    if lost and version.pending:
        return _withdraw(version, registry, lost)
    if lost:
        raise FinalError(f"Version {version.number} cannot be confirmed: {lost}.", GIVE_UP)
    golden_rows = GoldenRows.read(registry.root.release(version.number) / "replay.json")
    try:
        server.wait_available(version.number, deadline=settings.confirm.deadline_seconds)
        worst = golden_rows.check(
            lambda rows: server.predict(rows, version=version.number),
            tolerance=settings.promote.tolerance,
            whom=f"The model server at {server.url} (version {version.number})",
        )
    except (Unreachable, DeadlineExceeded) as error:
        raise TransientError(
            f"Version {version.number} is published but not confirmed: {error}",
            "Start the model server, or look at its log, then repeat confirm. If this version keeps the server from "
            "answering, go back: python -m ml rollback --reason '...'",
        ) from error
    except Refused as error:
        if error.status >= 500 or error.status in (404, 408, 429):
            raise TransientError(f"Version {version.number} is not confirmed: {error}", "Repeat confirm.") from error
        return _withdraw(version, registry, f"it refuses the known rows: {error}")
    except VersionFailed as error:
        return _withdraw(version, registry, f"the model server could not load it: {error}")
    except WrongAnswersError as error:
        return _withdraw(version, registry, f"it answers wrongly: {error.what}")
    if version.state != CONFIRMED or event != CONFIRMED:
        done = CONFIRMED if version.state != CONFIRMED else event
        registry.ledger.append(
            done, run_id=version.run_id, version=version.number, worst_difference=worst, server=server.url
        )
    log.info("version %d answers at %s; largest difference from training %.1e", version.number, server.url, worst)
    return worst


def _withdraw(version: Version, registry: Registry, reason: str) -> float:
    registry.withdraw(version, reason)
    raise FinalError(f"Version {version.number} was withdrawn: {reason}", CURE)
