"""The intent of a rollback, which stands in the ledger before its first step, and the steps that carry it out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml.config.settings import Settings
from ml.errors import FinalError, TransientError
from ml.registry.endpoint import endpoint
from ml.registry.ledger.entries import INTENT, PUBLISHED, RESTORED, ROLLBACK, WITHDRAWN
from ml.registry.ledger.ledger import Ledger, Version
from ml.registry.model_registry import Registry
from ml.registry.policy.rollback_target import origin
from ml.registry.serving_check import confirm_or_withdraw
from ml.storage.files import link_directory

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RollbackIntent:
    """An entry `rollback` of the ledger.

    Attributes:
        run_id: The run id of the version that the rollback publishes.
        source: The version that served before.
        target: The version whose bytes serve after it; None when no confirmed version was left.
        result: The number under which they serve: that of the target, or a new one; None without a target.
        withdraws: Why versions are taken out, by their number.
        reason: Why somebody went back.
        restored: Whether a server has confirmed the result since, if that is the target itself.
        quarantines: The hashes of the models that are quarantined by it, by the numbers of their versions.
        until: When the hold that begins with it ends by itself, as in the ledger; "" without a quarantine.
    """

    run_id: str
    source: int | None
    target: int | None
    result: int | None
    withdraws: dict[int, str]
    reason: str
    restored: bool = False
    quarantines: Mapping[int, str] = field(default_factory=dict)
    until: str = ""

    @property
    def copies(self) -> bool:
        """Whether the bytes of the target are published again under a new number."""
        return self.result != self.target

    def facts(self) -> dict[str, Any]:
        """Return the fields of the entry."""
        withdraws = {str(number): why for number, why in self.withdraws.items()}
        numbers = {"from": self.source, "target": self.target, "result": self.result}
        facts: dict[str, Any] = {**numbers, "withdraws": withdraws, "reason": self.reason}
        if self.quarantines:
            facts |= {"quarantines": {str(number): sha256 for number, sha256 in self.quarantines.items()}}
            facts |= {"until": self.until} if self.until else {}
        return facts


def last_rollback(ledger: Ledger) -> RollbackIntent | None:
    """Return the last rollback that was begun; None before the first."""
    found: RollbackIntent | None = None
    restored = False
    for event in reversed(ledger.events()):
        restored = restored or event["event"] == RESTORED
        if event["event"] == ROLLBACK:
            withdraws = {int(number): why for number, why in event["withdraws"].items()}
            found = RollbackIntent(
                run_id=event["run_id"],
                source=event["from"],
                target=event["target"],
                result=event["result"],
                withdraws=withdraws,
                reason=event.get("reason", ""),
                restored=restored,
                quarantines={int(number): sha256 for number, sha256 in event.get("quarantines", {}).items()},
                until=event.get("until", ""),
            )
            break
    return found


def unfinished_rollback(ledger: Ledger) -> RollbackIntent | None:
    """Return the last rollback if a step of it is still missing."""
    intent = last_rollback(ledger)
    if intent is None:
        return None
    versions = ledger.versions()
    if any(number in versions and versions[number].state != WITHDRAWN for number in intent.withdraws):
        return intent
    is_missing = intent.copies and (intent.result not in versions or versions[intent.result].state == INTENT)
    return intent if is_missing else None


def standing_rollback(ledger: Ledger) -> RollbackIntent | None:
    """Return the last rollback if the champion is what it left: nothing has been promoted since."""
    intent, champion = last_rollback(ledger), ledger.champion()
    if intent is None or champion is None or intent.result is None:
        return None
    return intent if champion.number <= intent.result and champion.number != intent.source else None


def unconfirmed_champion(ledger: Ledger) -> Version | None:
    """Return the champion if a rollback made it the champion and no server has confirmed it since."""
    champion, intent = ledger.champion(), last_rollback(ledger)
    if champion is None:
        return None
    if champion.state == PUBLISHED:
        return champion
    is_open = intent is not None and not intent.copies and not intent.restored and intent.result == champion.number
    return champion if is_open else None


def carry_out(intent: RollbackIntent, registry: Registry) -> None:
    """Do the steps of a rollback that are still missing; no server is asked.

    The copy appears first, so that at no moment another version is the highest.

    Raises:
        FinalError: The target's files are gone or were changed.
    """
    versions = registry.ledger.versions()
    if intent.target is not None and intent.copies:
        begun = versions.get(intent.result or 0)
        if begun is not None and begun.state == INTENT and registry.is_whole(begun):
            registry.resolve_intent(begun)
        elif begun is None or begun.state == INTENT:
            _publish_copy(intent, versions[intent.target], registry)
    for number, why in intent.withdraws.items():
        if number in versions:
            registry.withdraw(versions[number], why)


def _publish_copy(intent: RollbackIntent, wanted: Version, registry: Registry) -> None:
    root, sha256 = registry.root, wanted.intent["model_sha256"]
    place = registry.version_directory(wanted.number)
    staged = registry.stage(intent.run_id, place, sha256=sha256, copy=link_directory)  # the disk may be nearly full
    record = root.staging / f"{intent.run_id}.record"
    link_directory(root.release(wanted.number), record)
    registry.publish(
        staged,
        record,
        run_id=intent.run_id,
        model_sha256=sha256,
        facts=_facts(wanted, intent),
        number=intent.result,
        record_sha256=wanted.record_sha256,
    )


def _facts(wanted: Version, intent: RollbackIntent) -> dict[str, object]:
    of_the_data = ("source", "source_kind", "rows", "data_sha256", "base_sha256", "outcome_rows", "schema_number")
    carried = (*of_the_data, "schema_sha256", "settings_sha256", "code_sha256", "holdout", "recipe", "metrics")
    return {key: wanted.intent[key] for key in carried if key in wanted.intent} | {
        "rollback_of": origin(wanted),
        "replaces": intent.source,
        "reasons": [f"Rolled back from version {intent.source} to {origin(wanted)}: {intent.reason}"],
    }


def confirm_if_reachable(registry: Registry, settings: Settings) -> str:
    """Let the model server confirm a champion that a rollback left unconfirmed, if one answers.

    Returns:
        Why it stays unconfirmed; "" when it is confirmed, or was.

    Raises:
        FinalError: The server could not load the version or answered wrongly, and it was withdrawn; or its files were
            changed since it was confirmed first.
    """
    version = unconfirmed_champion(registry.ledger)
    if version is None:
        return ""
    try:
        with endpoint(registry.root, settings) as server:
            if not server.is_live():  # waiting for it would help nobody: the files are in their places
                return f"{server.url} does not answer"
            confirm_or_withdraw(version, server=server, registry=registry, settings=settings, event=RESTORED)
    except TransientError as error:
        return error.what
    return ""


def finish_rollback(registry: Registry, settings: Settings) -> None:
    """Bring the rollback that stands in the ledger to its end, as far as the files and the model server let it.

    Raises:
        FinalError: The files of the version to which it goes back are gone or were changed.
    """
    intent = unfinished_rollback(registry.ledger)
    if intent is not None:
        log.info("finishing the rollback from version %s to %s", intent.source, intent.target)
        carry_out(intent, registry)
    try:
        why = confirm_if_reachable(registry, settings)
    except FinalError as error:  # it was withdrawn, or whoever needs the champion will say the same
        log.warning("%s", error)
        return
    if why:
        log.warning("The rollback stays unconfirmed: %s. The next command that reaches a server confirms it.", why)
