"""Accept another schema: first its file under the root, then the entry of the ledger that puts it in force."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ml.config.settings import Settings
from ml.data.schema import Schema, seed_schema
from ml.errors import UNCHANGED, FinalError, NothingToDoError
from ml.registry.ledger.entries import SCHEMA
from ml.registry.model_registry import locked_registry
from ml.registry.schemas.in_force import entry_in_force
from ml.registry.schemas.usable import require_usable
from ml.storage import files
from ml.storage.root import Root

log = logging.getLogger(__name__)


def accept_schema(
    root: Root, settings: Settings, schema: Schema, *, reason: str, run_id: str = "", previous: str | None = None
) -> Mapping[str, Any]:
    """Put `schema` in force under the next number, and return its entry. An interrupted call may be repeated.

    Args:
        root: Where schemas and the ledger are.
        settings: `target` says which label the schema must have, `promote.lock_wait_seconds` how long to wait.
        schema: The new one.
        reason: A sentence for the ledger.
        run_id: The run that proposed it.
        previous: The hash of the schema that was in force when it was proposed.

    Raises:
        NothingToDoError: It is in force.
        FinalError: The code could not work with it, or another one came into force since it was proposed.
        TransientError: Another process holds the promotion lock.
    """
    require_usable(schema, settings.target)
    with locked_registry(root, settings, who="the acceptance of a schema") as registry:
        entry = entry_in_force(registry.ledger.events())
        number, seed = entry.get("number", 0), seed_schema()
        before = entry.get("schema_sha256", seed.sha256)
        if schema.sha256 == before:
            if _restored(root, number, schema):
                return entry
            raise NothingToDoError(UNCHANGED, f"This schema is in force already: {_named(number)}.")
        if previous not in (None, before):
            raise FinalError(
                f"The proposal of run {run_id} is stale: it widens the schema {str(previous)[:12]}, and "
                f"{_named(number)} ({before[:12]}) is in force now.",
                "Start a new run with these data: it needs no other schema any more, or proposes one.",
            )
        files.make_directories(root.schemas)
        files.write_whole(root.schema(number + 1), schema.text.encode())
        return registry.ledger.append(
            SCHEMA,
            run_id=run_id or f"schema-{number + 1}",
            number=number + 1,
            schema_sha256=schema.sha256,
            previous_sha256=before,
            seed_sha256=seed.sha256,
            reason=reason,
        )


def _restored(root: Root, number: int, schema: Schema) -> bool:
    """Write the file of the accepted schema again if it is missing or was changed, and return whether it was."""
    try:
        if not number or Schema.read(root.schema(number), sha256=schema.sha256):
            return False
    except FinalError as error:
        log.warning("%s It is written again.", error.what)
    files.make_directories(root.schemas)
    files.write_whole(root.schema(number), schema.text.encode())
    return True


def _named(number: int) -> str:
    return f"schema {number}" if number else "git's schema"
