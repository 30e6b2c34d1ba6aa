"""Which models are quarantined, by their bytes and by what they were made of: a pure function of the ledger's events.

Quarantined bytes are never champion, baseline, anchor or reference again, and are never published again, under whatever
number. What was made of the same data, settings and code is not promoted by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml.registry.ledger.entries import (
    ADOPTED,
    BREACHED,
    CONFIRMED,
    INTENT,
    PROBATION,
    PUBLISHED,
    QUARANTINED,
    ROLLBACK,
)

CODE = "quarantined"
"""The reason code of a candidate that a quarantine stops."""


@dataclass(frozen=True)
class Quarantine:
    """Why models are quarantined, in the words of whoever did it.

    Attributes:
        models: By the SHA-256 of the model.
        fingerprints: By the fingerprint of data, settings and code of which a quarantined model was made.
    """

    models: Mapping[str, str]
    fingerprints: Mapping[str, str]

    def against(self, model_sha256: str, fingerprint: str) -> str:
        """Return why a candidate must not be promoted, as a sentence; "" when nothing is against it."""
        if model_sha256 in self.models:
            return f"Its bytes are those of a model that is quarantined: {_sentence(self.models[model_sha256])}"
        if fingerprint in self.fingerprints:
            return (
                "It was made of the same data, settings and code as a model that is quarantined: "
                f"{_sentence(self.fingerprints[fingerprint])}"
            )
        return ""


def quarantine_of(events: Sequence[Mapping[str, Any]]) -> Quarantine:
    """Return what is quarantined.

    A rollback that publishes the old bytes under a new number quarantines what it goes back from at the moment at which
    the copy is published: until then the bad version is the champion, and not the one between. Every other rollback
    does so at once. One that older code wrote quarantines nothing.

    A version that broke its probation is quarantined as soon as another one is the champion, though no rollback came
    between: a promotion may be confirmed while the rollback waits for the lock.

    Args:
        events: The ledger, oldest first.
    """
    models: dict[str, str] = {}
    begun: dict[str, dict[str, str]] = {}
    bytes_of: dict[int, str] = {}
    broken: dict[str, str] = {}
    for event in events:
        if event["event"] in (INTENT, ADOPTED) and event.get("model_sha256"):
            bytes_of[event["version"]] = str(event["model_sha256"])
        if event["event"] == QUARANTINED:
            models[str(event["model_sha256"])] = str(event["reason"])
        elif event["event"] == ROLLBACK:
            named = dict.fromkeys(event.get("quarantines", {}).values(), str(event.get("reason", "")))
            if event["result"] == event["target"]:
                models |= named
            else:
                begun[str(event["run_id"])] = named
        elif event["event"] == PUBLISHED:
            models |= begun.pop(str(event["run_id"]), {})
        elif event["event"] == PROBATION and event["outcome"] == BREACHED and event["version"] in bytes_of:
            broken[bytes_of[event["version"]]] = str(event["reason"])
        if broken and event["event"] in (CONFIRMED, ADOPTED):
            serves = bytes_of.get(event["version"])
            models |= {sha256: reason for sha256, reason in broken.items() if sha256 != serves}
    fingerprints = {
        str(event["fingerprint"]): models[str(event["model_sha256"])]
        for event in events
        if event.get("fingerprint") and event.get("model_sha256") in models
    }
    return Quarantine(models, fingerprints)


def _sentence(reason: str) -> str:
    return f"{reason.rstrip('.')}."
