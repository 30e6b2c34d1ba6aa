"""The command `schema`: show the one in force, compare it, accept another one."""

from __future__ import annotations

import argparse
from typing import Any

from ml.audit.schemas import difference_text, proposed_schema, schema_difference, shown_schema, shown_text
from ml.cli.status import as_json
from ml.config.settings import resolve
from ml.data.schema import Schema, seed_schema
from ml.errors import DONE, FinalError, NothingToDoError, SettingsError
from ml.registry.schemas.acceptance import accept_schema
from ml.storage.root import Root


def schema(options: argparse.Namespace) -> tuple[int, str]:
    """Show the schema in force, say how one differs, or accept another one."""
    if options.action == "accept":
        return _accept(options)
    if options.file is not None or options.seed or options.reason:
        raise SettingsError(f"schema {options.action}: takes no --file, --seed or --reason.", "Leave them out.")
    root = Root.to_read(options.root)
    if options.action == "diff":
        answer = schema_difference(root, options.run)
        return DONE, as_json(answer) if options.json else difference_text(answer)
    if options.run is not None:
        raise SettingsError("schema show: takes no run.", f"Say: python -m ml schema diff {options.run}")
    answer = shown_schema(root)
    return DONE, as_json(answer) if options.json else shown_text(answer)


def _accept(options: argparse.Namespace) -> tuple[int, str]:
    if (options.run is not None) + (options.file is not None) + options.seed != 1:
        raise SettingsError(
            "schema accept: name one schema.", "The RUN that proposes it, --file FILE, or --seed for git's."
        )
    if not options.reason:
        raise SettingsError("schema accept: no reason was given.", "Say why the data changed: --reason '...'")
    root, settings = Root.find(options.root), resolve(file=options.settings, overrides=options.overrides)
    origin: dict[str, Any] = {}
    if options.run is not None:
        wanted, previous = proposed_schema(root, options.run)
        if not wanted.sha256.startswith(options.candidate):
            raise FinalError(
                f"Run {options.run}: the decision was about schema {options.candidate[:12]}, and it proposes "
                f"{wanted.sha256[:12]} now.",
                f"Look at it again: python -m ml schema diff {options.run}",
            )
        origin = {"run_id": options.run, "previous": previous}
    else:
        wanted = seed_schema() if options.seed else Schema.read(options.file, cure="Name a file with a schema.")
    try:
        entry = accept_schema(root, settings, wanted, reason=options.reason, **origin)
    except NothingToDoError as nothing:
        return DONE, as_json({"accepted": None}) if options.json else nothing.what
    if options.json:
        return DONE, as_json({"accepted": entry["number"], "schema_sha256": entry["schema_sha256"]})
    return DONE, f"Schema {entry['number']} is in force from the next run on, the same data included."
