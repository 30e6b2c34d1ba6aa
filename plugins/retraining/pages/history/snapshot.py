"""The ledger as the pages need it, read again only when its file has changed."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.registry.ledger.chain import Chain
from ml.registry.ledger.file import head_file
from ml.registry.ledger.ledger import Ledger, Version
from ml.registry.policy.quarantine import Quarantine, quarantine_of


@dataclass(frozen=True)
class Snapshot:
    """A ledger at one moment.

    Attributes:
        events: Its entries, oldest first.
        versions: Every version that was ever begun, by number.
        champion: The version that should be serving; None before the first.
        chain: What the chain of its lines says.
        quarantine: Which models are quarantined, and why.
    """

    events: list[dict[str, Any]]
    versions: dict[int, Version]
    champion: Version | None
    chain: Chain
    quarantine: Quarantine


_lock = threading.Lock()
_kept: dict[Path, tuple[object, Snapshot]] = {}


def snapshot(ledger: Path) -> Snapshot:
    """Return what the ledger says now; a missing one is an empty one.

    Raises:
        FinalError: A line is not an entry.
        OSError: The file cannot be read.
    """
    with _lock:  # several requests at once would all read the same
        state = _state(ledger), _state(head_file(ledger))
        known = _kept.get(ledger)
        if known is None or known[0] != state:
            known = state, _read(Ledger(ledger))
            _kept[ledger] = known
        return known[1]


def _read(ledger: Ledger) -> Snapshot:
    events, versions = ledger.events(), ledger.versions()
    accepted = [version for version in versions.values() if version.accepted]
    champion = max(accepted, key=lambda version: version.number, default=None)
    return Snapshot(events, versions, champion, ledger.chain(), quarantine_of(events))


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
