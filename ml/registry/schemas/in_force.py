"""The schema in force: what the last entry `schema` of the ledger names; before the first, git's."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ml.data.schema import Schema, seed_schema
from ml.registry.ledger.entries import SCHEMA
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root

log = logging.getLogger(__name__)

TAKE_SEED = "python -m ml schema accept --seed --reason '...'"
RESTORE = (
    "Restore it from a backup, or from schema.pbtxt in the directory of a run that used it; or accept another: "
    f"python -m ml schema accept --file FILE --reason '...', or {TAKE_SEED}."
)


@dataclass(frozen=True)
class SchemaInForce:
    """The schema in force, its number (0: git's), and the entry of the ledger by which it was accepted."""

    schema: Schema
    number: int = 0
    entry: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seed_has_changed(self) -> bool:
        """Whether git's copy is another one than when this was accepted, and not this one either."""
        return seed_has_changed(self.entry)

    def log(self) -> None:
        """Log which schema it is, unless it is git's."""
        if self.number:
            by = self.entry.get("who", "unknown")
            log.info("schema %d is in force, accepted by %s: %s", self.number, by, self.entry["reason"])
        if self.seed_has_changed:
            log.warning(
                "Git's schema.pbtxt was changed since schema %d was accepted, which stays in force. To take git's: %s",
                self.number,
                TAKE_SEED,
            )


def schema_in_force(root: Root) -> SchemaInForce:
    """Return the schema in force.

    Raises:
        FinalError: The file of the accepted schema is missing or was changed.
    """
    entry = entry_in_force(Ledger(root.ledger).events())
    if not entry:
        return SchemaInForce(seed_schema())
    number = entry["number"]
    return SchemaInForce(Schema.read(root.schema(number), sha256=entry["schema_sha256"], cure=RESTORE), number, entry)


def entry_in_force(events: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the entry that names the schema in force; an empty one while that is git's."""
    found: Mapping[str, Any] = {}
    for event in events:
        if event["event"] == SCHEMA:
            found = event
    return found


def seed_has_changed(entry: Mapping[str, Any]) -> bool:
    """Return whether git's copy is another one than at this acceptance, and not the accepted one either."""
    return bool(entry) and seed_schema().sha256 not in (entry.get("seed_sha256"), entry["schema_sha256"])


def changed_since(events: Iterable[Mapping[str, Any]], schema_sha256: str) -> str:
    """Return a sentence if another schema is in force than the one that let a candidate's data through; else ""."""
    entry = entry_in_force(events)
    if not schema_sha256 or entry.get("schema_sha256", seed_schema().sha256) == schema_sha256:
        return ""
    named = f"schema {entry['number']}" if entry else "git's schema"
    by = f", accepted {entry['at']} by {entry.get('who', 'unknown')}: {entry['reason']}" if entry else "."
    return f"Its data were let through by another schema than the one in force now, {named}{by}"
