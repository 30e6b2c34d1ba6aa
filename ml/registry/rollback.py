"""Serve an older version's bytes again, under a higher number."""

from __future__ import annotations

import logging

from ml.config.settings import Settings
from ml.errors import UNCHANGED, FinalError, NothingToDoError
from ml.registry.champion import damage_of, recorded_champion
from ml.registry.endpoint import endpoint
from ml.registry.ledger import CONFIRMED, Ledger, Version
from ml.registry.model_registry import Registry, locked_registry
from ml.registry.policy.rollback_target import default_target, origin
from ml.registry.recovery import recover
from ml.registry.serving_check import confirm_or_withdraw
from ml.storage.files import copy_directory
from ml.storage.root import Root

log = logging.getLogger("ml.registry.rollback")


def rollback(root: Root, settings: Settings, *, target: int | None, reason: str) -> Version:
    """Publish the bytes of version `target` again, confirm them, and return the new version.

    A rollback that was killed is finished by repeating the command. A champion whose files are gone or were changed is
    withdrawn first; the version before it then serves as it is.

    Args:
        root: Where versions and the ledger are.
        settings: `promote`, `confirm` and `serving` are used.
        target: A confirmed version; None means the last one confirmed with other bytes than the champion's.
        reason: A sentence for the ledger.

    Raises:
        NothingToDoError: The champion already has these bytes, or is a rollback and no version was named.
        FinalError: There is no such version, or its files are gone or changed.
        TransientError: The model server does not answer; repeat the command.
    """
    with locked_registry(root, settings, who="a rollback") as registry:
        for version in recover(registry, settings):
            interrupted = version.intent.get("rollback_of")
            if version.state == CONFIRMED and interrupted is not None and target in (None, interrupted):
                log.info("finished the interrupted rollback to version %s", interrupted)
                return version
        gave_up = _withdraw_damaged_champions(root, registry, reason)
        champion = registry.ledger.champion()
        if champion is None:
            what = "No confirmed version is left." if gave_up else "There is no confirmed version yet."
            raise FinalError(f"{what} There is nothing to roll back to.", "Run a retraining first.")
        if gave_up and target in (None, champion.number):
            with endpoint(root, settings) as server:  # which serves it since the lost one is gone
                confirm_or_withdraw(champion, server=server, registry=registry, settings=settings)
            return champion
        wanted = _target(registry, champion, target)
        run_id = f"rollback-from-{champion.number}-to-{wanted.number}"
        sha256 = wanted.intent["model_sha256"]
        staged = registry.stage(run_id, registry.version_directory(wanted.number), sha256=sha256)
        record = root.staging / f"{run_id}.record"
        copy_directory(root.release(wanted.number), record)
        facts = _facts(wanted, champion, reason)
        number = registry.publish(staged, record, run_id=run_id, model_sha256=sha256, facts=facts)
        with endpoint(root, settings) as server:
            confirm_or_withdraw(registry.ledger.versions()[number], server=server, registry=registry, settings=settings)
        return registry.ledger.versions()[number]


def _withdraw_damaged_champions(root: Root, registry: Registry, reason: str) -> bool:
    """Withdraw champions whose files are gone or were changed until one is whole; return whether there were any.

    Only on a person's word: a directory that is missing may be a disk that is not mounted.
    """
    gave_up = False
    while (champion := recorded_champion(root, registry.model)) and (lost := damage_of(champion)):
        registry.withdraw(registry.ledger.versions()[champion.number], f"{lost}; given up by a rollback: {reason}")
        gave_up = True
    return gave_up


def _target(registry: Registry, champion: Version, target: int | None) -> Version:
    ledger: Ledger = registry.ledger
    confirmed = [v for v in ledger.versions().values() if v.state == CONFIRMED]
    if target is None and champion.intent.get("rollback_of") is not None:
        # Also what a repeated command finds when the first one was killed after its work was done.
        raise NothingToDoError(
            UNCHANGED,
            f"Version {champion.number} is a rollback already, to the bytes of version {origin(champion)}. "
            "To go further back, name the version.",
        )
    if target is None:
        older = default_target(champion, [v for v in confirmed if registry.version_directory(v.number).is_dir()])
        if older is None:
            raise FinalError(
                f"No confirmed version before {origin(champion)} is kept that has other bytes and is not a SAMPLE.",
                "Name one that is kept, or retrain.",
            )
        return older
    wanted = next((v for v in confirmed if v.number == target), None)
    if wanted is None or not registry.version_directory(target).is_dir():
        kept = ", ".join(str(v.number) for v in confirmed if registry.version_directory(v.number).is_dir())
        raise FinalError(f"Version {target} is not a confirmed version that is kept.", f"Kept: {kept or 'none'}.")
    if wanted.intent["model_sha256"] == champion.intent["model_sha256"]:
        raise NothingToDoError(UNCHANGED, f"Version {champion.number} already has the bytes of version {target}.")
    return wanted


def _facts(wanted: Version, champion: Version, reason: str) -> dict[str, object]:
    carried = (
        "source",
        "source_kind",
        "rows",
        "data_sha256",
        "schema_sha256",
        "settings_sha256",
        "code_sha256",
        "metrics",
    )
    return {key: wanted.intent[key] for key in carried if key in wanted.intent} | {
        "rollback_of": origin(wanted),
        "replaces": champion.number,
        "reasons": [f"Rolled back from version {champion.number} to {origin(wanted)}: {reason}"],
    }
