"""Serve an older version's bytes again: those of the version before, if that can be, else under a higher number."""

from __future__ import annotations

import logging

from ml.config.settings import Settings
from ml.errors import UNCHANGED, FinalError, NothingToDoError
from ml.registry.champion import champion_of, damage_of
from ml.registry.intervention.rollback_intent import (
    RollbackIntent,
    carry_out,
    confirm_if_reachable,
    standing_rollback,
    unfinished_rollback,
)
from ml.registry.ledger.entries import ROLLBACK
from ml.registry.ledger.ledger import Version
from ml.registry.model_registry import Registry, locked_registry
from ml.registry.policy.rollback_target import default_target, origin
from ml.registry.version_directories import require_known, version_names
from ml.storage.root import Root

log = logging.getLogger(__name__)


def rollback(root: Root, settings: Settings, *, target: int | None, reason: str, source: int | None = None) -> Version:
    """Go back to an older version, and return the version that is the champion after that.

    No server needs to answer: the version gone back to was confirmed once, so it is the champion as soon as its
    files are in place. When a server answers it is asked; otherwise the champion stays unconfirmed until the next
    command that reaches one. What is given up on the way is withdrawn: a published version that nobody has confirmed,
    and a champion whose files are gone or were changed. The whole intent stands in the ledger first, and a rollback
    that was killed is finished by repeating the command.

    Args:
        root: Where versions and the ledger are.
        settings: `promote`, `confirm` and `serving` are used.
        target: A confirmed version; None means the last one with other bytes than what serves.
        reason: A sentence for the ledger.
        source: The version that is to go; None means whichever serves.

    Raises:
        NothingToDoError: The champion already has these bytes, or is a rollback and no version was named; or it is
            not `source` any more.
        FinalError: There is no such version, its files are gone or changed, or a server answered that it is broken.
    """
    # A broken chain of the ledger must not keep customers on a bad version: the bytes gone back to are checked anyway.
    with locked_registry(root, settings, who="a rollback", emergency=True) as registry:
        registry.prepare()
        begun = unfinished_rollback(registry.ledger)
        if begun is not None and target in (None, begun.target):
            intent = begun
            log.info("finishing the rollback from version %s to %s", intent.source, intent.target)
        else:
            _require_source(registry, source)
            intent = _begun(registry, settings, target, reason)
        carry_out(intent, registry)
        why = confirm_if_reachable(registry, settings)
        champion = registry.ledger.champion()
        if champion is None:
            raise FinalError(
                "No confirmed version is left. There is nothing to roll back to.", "Run a retraining first."
            )
        if why:
            log.warning("Version %d is unconfirmed: %s.", champion.number, why)
        return champion


def _require_source(registry: Registry, source: int | None) -> None:
    """Raise unless the version that is to go is the champion, and no newer one waits for its confirmation."""
    champion = registry.ledger.champion()
    if source is None or (champion is not None and champion.number == source and not registry.ledger.pending()):
        return
    raise NothingToDoError(UNCHANGED, f"Version {source} is not the last version any more.")


def _begun(registry: Registry, settings: Settings, target: int | None, reason: str) -> RollbackIntent:
    """Decide what a rollback has to do, and write that into the ledger."""
    given_up = _given_up(registry, reason)
    accepted = {v.number: v for v in registry.ledger.versions().values() if v.accepted and v.number not in given_up}
    champion = accepted[max(accepted)] if accepted else None
    if champion is None and not given_up:
        require_known(registry.root, registry.model)
        raise FinalError(
            "There is no confirmed version yet. There is nothing to roll back to.", "Run a retraining first."
        )
    source = max([*given_up, *accepted])
    wanted = champion
    if champion is not None and not (given_up and target in (None, champion.number)):
        wanted = _target(registry, settings, champion, accepted, target)
    number = wanted.number if wanted else None
    result = number
    if wanted is not None and _needs_copy(registry, wanted, given_up):
        result = registry.next_number()
        registry.check_whole(wanted)
    intent = RollbackIntent(f"rollback-from-{source}-to-{number or 'none'}", source, number, result, given_up, reason)
    registry.ledger.append(ROLLBACK, run_id=intent.run_id, **intent.facts())
    return intent


def _given_up(registry: Registry, reason: str) -> dict[int, str]:
    """Return the versions that a rollback withdraws, and why.

    These are the ones that a server may see and nobody has confirmed, and every champion whose files are gone or
    changed, until one is whole. Only on a person's word: a directory that is missing may be a disk that is not mounted.
    """
    base = registry.root.models / registry.model
    if not base.is_dir() and registry.ledger.champion() is not None:
        raise FinalError(f"{base} is missing, and every version with it.", "Mount the disk, or restore the directory.")
    begun = unfinished_rollback(registry.ledger)
    given_up = dict(begun.withdraws) if begun else {}  # another version is named now than that rollback wanted
    for version in registry.ledger.pending():
        if registry.resolve_intent(version).pending:
            given_up[version.number] = f"unconfirmed; given up by a rollback: {reason}"
    accepted = [v for v in registry.ledger.versions().values() if v.accepted and v.number not in given_up]
    for version in sorted(accepted, key=lambda v: v.number, reverse=True):
        lost = damage_of(champion_of(registry.root, registry.model, version))
        if not lost:
            break
        given_up[version.number] = f"{lost}; given up by a rollback: {reason}"
    return given_up


def _needs_copy(registry: Registry, wanted: Version, given_up: dict[int, str]) -> bool:
    """Whether the version would not be the highest, which a server serves, once the others are gone."""
    on_disk = version_names(registry.root.models / registry.model).values()
    return any(number > wanted.number and number not in given_up for number in on_disk)


def _target(
    registry: Registry, settings: Settings, champion: Version, accepted: dict[int, Version], target: int | None
) -> Version:
    kept = {number: v for number, v in accepted.items() if registry.version_directory(number).is_dir()}
    if target is None:
        _refuse_a_second_one(registry, settings, champion)
        older = default_target(champion, kept.values())
        if older is None:
            raise FinalError(
                f"No confirmed version before {origin(champion)} is kept that has other bytes and is not a SAMPLE.",
                "Name one that is kept, or retrain.",
            )
        return older
    if target not in kept:
        named = ", ".join(map(str, sorted(kept)))
        raise FinalError(f"Version {target} is not a confirmed version that is kept.", f"Kept: {named or 'none'}.")
    if kept[target].intent["model_sha256"] == champion.intent["model_sha256"]:
        _confirm_first(registry, settings)
        raise NothingToDoError(UNCHANGED, f"Version {champion.number} already has the bytes of version {target}.")
    return kept[target]


def _refuse_a_second_one(registry: Registry, settings: Settings, champion: Version) -> None:
    """Raise when the champion is what a rollback left: a repeated command must not go one version further."""
    standing = standing_rollback(registry.ledger)
    if champion.intent.get("rollback_of") is not None:
        what = f"Version {champion.number} is a rollback already, to the bytes of version {origin(champion)}."
    elif standing is not None:
        what = f"Version {champion.number} serves since a rollback already, from version {standing.source}."
    else:
        return
    _confirm_first(registry, settings)
    raise NothingToDoError(UNCHANGED, f"{what} To go further back, name the version.")


def _confirm_first(registry: Registry, settings: Settings) -> None:
    if why := confirm_if_reachable(registry, settings):
        log.warning("The rollback stays unconfirmed: %s. The next command that reaches a server confirms it.", why)
