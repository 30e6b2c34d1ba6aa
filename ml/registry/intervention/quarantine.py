"""Quarantine a model by its bytes: the candidate of a run, a version, or the champion, which is gone back from then."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml.config.settings import Settings
from ml.errors import UNCHANGED, FinalError, NothingToDoError
from ml.registry.intervention.default_version import last_with_other_bytes
from ml.registry.intervention.rollback import begin, finish
from ml.registry.intervention.rollback_intent import confirm_if_reachable, unfinished_rollback
from ml.registry.ledger.entries import QUARANTINED
from ml.registry.ledger.ledger import Version
from ml.registry.model_registry import locked_registry
from ml.registry.policy.quarantine import quarantine_of
from ml.storage.root import Root

log = logging.getLogger(__name__)
_OF_MODELS = ("intent", "adopted", "rejected", "kept", "same", "withheld", "waiting", "refused")
"""The events that name the bytes of a candidate and stand for it."""
_MOST_NAMED = 10


@dataclass(frozen=True)
class _Subject:
    """What is quarantined: its hash, the run that made it, and of a version the number."""

    name: str
    model_sha256: str
    run_id: str
    version: int | None
    fingerprint: str


def quarantine(root: Root, settings: Settings, *, subject: str | int, reason: str) -> Version | None:
    """Quarantine the bytes of a version or of a run's candidate, and return the champion after that; None without one.

    Quarantined bytes are never champion, baseline, anchor or reference again, nor published again, and what was made of
    the same data, settings and code is not promoted by itself. The directories of versions with these bytes leave the
    server's sight. The champion is gone back from first, to the last version with other bytes, and a hold begins.

    Args:
        root: Where versions and the ledger are.
        settings: `promote`, `confirm` and `serving` are used.
        subject: The number of a version, or the id of a run.
        reason: A sentence for the ledger.

    Raises:
        NothingToDoError: The bytes are quarantined already.
        FinalError: There is no such version and no such run, or it is the champion and nothing is left to go back to.
    """
    who = f"the quarantine of {subject}"
    # A broken chain of the ledger must not keep customers on a bad version.
    with locked_registry(root, settings, who=who, emergency=True) as registry:
        registry.prepare()
        events, versions = registry.ledger.events(), registry.ledger.versions()
        found = _subject(str(subject), events, versions)
        begun = unfinished_rollback(registry.ledger)
        if begun is not None and found.model_sha256 in begun.quarantines.values():
            log.info("finishing the rollback from version %s to %s", begun.source, begun.target)
            return finish(begun, registry, settings)
        if found.model_sha256 in quarantine_of(events).models:
            if why := confirm_if_reachable(registry, settings):
                log.warning("The champion stays unconfirmed: %s.", why)
            raise NothingToDoError(UNCHANGED, f"{found.name} is quarantined already.")
        champion = registry.ledger.champion()
        if champion is not None and champion.intent["model_sha256"] == found.model_sha256:
            target = last_with_other_bytes(registry, champion).number
            return finish(begin(registry, settings, target=target, reason=reason), registry, settings)
        registry.ledger.append(
            QUARANTINED,
            run_id=found.run_id,
            model_sha256=found.model_sha256,
            reason=reason,
            **({"version": found.version} if found.version is not None else {}),
            **({"fingerprint": found.fingerprint} if found.fingerprint else {}),
        )
        registry.sweep()
        return registry.ledger.champion()


def _subject(text: str, events: Sequence[Mapping[str, Any]], versions: Mapping[int, Version]) -> _Subject:
    """Return what a number or an id names; a run whose candidate became a version is that version."""
    by_number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
    of_run = next((v for v in reversed(list(versions.values())) if v.run_id == text), None)
    version = versions.get(by_number) or of_run
    if version is not None:
        sha256, fingerprint = str(version.intent["model_sha256"]), str(version.intent.get("fingerprint", ""))
        return _Subject(f"Version {version.number}", sha256, version.run_id, version.number, fingerprint)
    of_runs = [event for event in events if event["event"] in _OF_MODELS and event.get("model_sha256")]
    for event in reversed(of_runs):
        if event["run_id"] == text:
            fingerprint = str(event.get("fingerprint", ""))
            return _Subject(f"The candidate of run {text}", str(event["model_sha256"]), text, None, fingerprint)
    runs = list(dict.fromkeys(str(event["run_id"]) for event in of_runs))[-_MOST_NAMED:]
    raise FinalError(
        f"{text!r}: the ledger knows no such version, and no candidate of such a run.",
        f"Versions: {', '.join(map(str, list(versions)[-_MOST_NAMED:])) or 'none'}. Runs: {', '.join(runs) or 'none'}.",
    )
