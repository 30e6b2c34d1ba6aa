"""The commands that read decisions back, and what they answer in a terminal."""

from __future__ import annotations

import argparse

from ml.audit.ledger_check import accept_ledger, seen_head, verified_text, verify_ledger
from ml.cli.status import as_json
from ml.config.settings import Settings, resolve
from ml.errors import DONE, NothingToDoError, SettingsError
from ml.storage.root import Root


def ledger(options: argparse.Namespace) -> tuple[int, str]:
    """Verify the ledger, or accept it as it is."""
    if options.action == "accept":
        if not options.reason:
            raise SettingsError("ledger accept: no reason was given.", "Say why the ledger differs: --reason '...'")
        try:
            accepted = accept_ledger(Root.find(options.root), _settings(options), reason=options.reason)
        except NothingToDoError as nothing:
            return DONE, as_json({"accepted": 0}) if options.json else nothing.what
        text = f"Accepted as it is, with {accepted} fault{'s' if accepted != 1 else ''}; the entry says who, and why."
        return DONE, as_json({"accepted": accepted}) if options.json else text
    answer = verify_ledger(Root.to_read(options.root), seen=[seen_head(text) for text in options.seen])
    return DONE, as_json(answer) if options.json else verified_text(answer)


def _settings(options: argparse.Namespace) -> Settings:
    return resolve(file=options.settings, overrides=options.overrides)
