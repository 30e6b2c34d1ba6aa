"""A ledger as older code wrote it: without a chain, and without what a test takes out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ml.registry.ledger.file import head_file
from ml.storage.root import Root

CHAIN = ("line", "previous")


def rewrite_as_older_code(root: Root, change: Callable[[dict[str, Any]], dict[str, Any]] = lambda entry: entry) -> None:
    """Take the chain out of the ledger, and put what `change` makes of each entry in its place."""
    entries = [json.loads(line) for line in root.ledger.read_text().splitlines()]
    unchained = [{name: value for name, value in entry.items() if name not in CHAIN} for entry in entries]
    root.ledger.write_text("".join(json.dumps(change(entry)) + "\n" for entry in unchained))
    head_file(root.ledger).unlink(missing_ok=True)
