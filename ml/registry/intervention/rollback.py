"""Serve an older version's bytes again: those of the version before, if that can be, else under a higher number."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from ml.config.settings import Settings
from ml.errors import UNCHANGED, FinalError, NothingToDoError
from ml.registry.champion import champion_of, damage_of
from ml.registry.intervention.default_version import last_with_other_bytes
from ml.registry.intervention.rollback_intent import (
    RollbackIntent,
    carry_out,
    confirm_if_reachable,
    standing_rollback,
    unfinished_rollback,
)
from ml.registry.ledger.entries import ROLLBACK, WITHDRAWN
from ml.registry.ledger.ledger import Version
from ml.registry.model_registry import Registry, locked_registry
from ml.registry.policy.quarantine import quarantine_of
from ml.registry.policy.rollback_target import origin
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

    The model that it goes back from is quarantined, under whatever number it stands, and leaves the server's sight once
    the other one is published. A hold begins (`ml.registry.policy.hold`).

    Args:
        root: Where versions and the ledger are.
        settings: `promote`, `confirm` and `serving` are used.
        target: A confirmed version; None means the last one with other bytes than what serves.
        reason: A sentence for the ledger.
        source: The version that is to go; None means whichever serves.

    Raises:
        NothingToDoError: The champion already has these bytes, or is a rollback and no version was named; or it is
            not `source` any more.
        FinalError: There is no such version, it is quarantined, its files are gone or changed, or a server answered
            that it is broken.
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
            intent = begin(registry, settings, target=target, reason=reason)
        return finish(intent, registry, settings)


def _require_source(registry: Registry, source: int | None) -> None:
    """Raise unless the version that is to go is the champion, and no newer one waits for its confirmation."""
    champion = registry.ledger.champion()
    if source is None or (champion is not None and champion.number == source and not registry.ledger.pending()):
        return
    raise NothingToDoError(UNCHANGED, f"Version {source} is not the last version any more.")


def finish(intent: RollbackIntent, registry: Registry, settings: Settings) -> Version:
    """Carry out what stands in the ledger, ask the server if one answers, and return the champion.

    Raises:
        FinalError: No version is left, its files are gone or changed, or a server answered that it is broken.
    """
    carry_out(intent, registry)
    why = confirm_if_reachable(registry, settings)
    champion = registry.ledger.champion()
    if champion is None:
        raise FinalError("No confirmed version is left. There is nothing to roll back to.", "Run a retraining first.")
    if why:
        log.warning("Version %d is unconfirmed: %s.", champion.number, why)
    return champion


def begin(registry: Registry, settings: Settings, *, target: int | None, reason: str) -> RollbackIntent:
    """Decide what a rollback has to do, and write that into the ledger.

    Raises:
        NothingToDoError: The champion already has the bytes of the target.
        FinalError: There is nothing to go back to, or the target cannot be gone back to.
    """
    given_up, versions = _given_up(registry, reason), registry.ledger.versions()
    accepted = {v.number: v for v in versions.values() if v.accepted and v.number not in given_up}
    source = max([*given_up, *accepted], default=0)
    if target is None:
        accepted = _with_other_bytes(accepted, registry.ledger.champion(), given_up, versions) or accepted
    champion = accepted[max(accepted)] if accepted else None
    if champion is None and not given_up:
        require_known(registry.root, registry.model)
        raise FinalError(
            "There is no confirmed version yet. There is nothing to roll back to.", "Run a retraining first."
        )
    wanted = champion
    if champion is not None and not (given_up and target in (None, champion.number)):
        wanted = _target(registry, settings, champion, accepted, target)
    number = wanted.number if wanted else None
    result = number
    if wanted is not None and _needs_copy(registry, wanted, given_up):
        result = registry.next_number()
        registry.check_whole(wanted)
    quarantines = _quarantined_by(registry, wanted, given_up)
    bad = set(quarantines.values())
    same_bytes = (v.number for v in versions.values() if v.intent["model_sha256"] in bad and v.state != WITHDRAWN)
    intent = RollbackIntent(
        run_id=f"rollback-from-{source}-to-{number or 'none'}",
        source=source,
        target=number,
        result=result,
        withdraws=dict.fromkeys(same_bytes, f"quarantined by a rollback: {reason}") | given_up,
        reason=reason,
        quarantines=quarantines,
        until=_until(settings) if wanted is not None else "",  # where nothing serves there is nothing to hold on to
    )
    registry.ledger.append(ROLLBACK, run_id=intent.run_id, **intent.facts())
    return intent


def _with_other_bytes(
    accepted: dict[int, Version], champion: Version | None, given_up: Collection[int], versions: dict[int, Version]
) -> dict[int, Version]:
    """Return those of the accepted versions that do not have the bytes of one that is given up."""
    left = {versions[number].intent["model_sha256"] for number in given_up if _is_pending(versions, number)}
    if champion is not None and champion.number in given_up:
        left.add(champion.intent["model_sha256"])
    return {number: v for number, v in accepted.items() if v.intent["model_sha256"] not in left}


def _quarantined_by(registry: Registry, wanted: Version | None, given_up: Collection[int]) -> dict[int, str]:
    """Return the hashes of what a rollback to `wanted` goes back from, by version.

    That is the champion, and what is published and nobody has confirmed; neither if it has the bytes that will serve.
    An older version whose files are merely lost is no bad one, nor is the only one whose files are lost.
    """
    versions, champion = registry.ledger.versions(), registry.ledger.champion()
    left = [versions[number] for number in given_up if _is_pending(versions, number)]
    left += [champion] if champion is not None and wanted is not None else []
    hashes = {version.number: str(version.intent["model_sha256"]) for version in left}
    return {n: sha256 for n, sha256 in hashes.items() if wanted is None or sha256 != wanted.intent["model_sha256"]}


def _until(settings: Settings) -> str:
    return (datetime.now(UTC) + timedelta(days=settings.promote.hold_days)).isoformat(timespec="seconds")


def _is_pending(versions: dict[int, Version], number: int) -> bool:
    return number in versions and versions[number].pending


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
        return last_with_other_bytes(registry, champion)
    if target not in kept:
        named = ", ".join(map(str, sorted(kept)))
        if why := _quarantined(registry, target):
            what = f"Version {target} is quarantined, and never serves again: {why}"
            raise FinalError(what, f"Name another. Kept: {named or 'none'}.")
        raise FinalError(f"Version {target} is not a confirmed version that is kept.", f"Kept: {named or 'none'}.")
    if kept[target].intent["model_sha256"] == champion.intent["model_sha256"]:
        _confirm_first(registry, settings)
        raise NothingToDoError(UNCHANGED, f"Version {champion.number} already has the bytes of version {target}.")
    return kept[target]


def _quarantined(registry: Registry, number: int) -> str:
    """Return why the bytes of a version are quarantined; "" when they are not."""
    version = registry.ledger.versions().get(number)
    if version is None or not version.quarantined:
        return ""
    return f"{quarantine_of(registry.ledger.events()).models[version.intent['model_sha256']].rstrip('.')}."


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
