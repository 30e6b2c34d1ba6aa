"""The ledger as the pages need it, read again only when its file has changed, and then only the lines that are new."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from ml.registry.ledger.chain import Chain
from ml.registry.ledger.entries import parsed_entry
from ml.registry.ledger.file import head_file
from ml.registry.ledger.ledger import Ledger, Version
from ml.registry.policy.approvals import waiting_runs
from ml.registry.policy.quarantine import Quarantine, quarantine_of


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A ledger at one moment, which nobody changes: its entries are those of later moments, too.

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

    @cached_property
    def waiting(self) -> tuple[Mapping[str, Any], ...]:
        """What a person can still decide about, the oldest first (`ml.registry.policy.approvals.waiting_runs`)."""
        return tuple(waiting_runs(self.events, champion=self.champion.number if self.champion else None))


class _Entries:
    """The entries that were parsed already, by their lines."""

    def __init__(self, known: Mapping[bytes, dict[str, Any]]) -> None:
        self.known = known
        self.met: dict[bytes, dict[str, Any]] = {}

    def parse(self, line: bytes) -> dict[str, Any]:
        entry = self.met.get(line) or self.known.get(line) or parsed_entry(line)
        self.met[line] = entry
        return entry


class _Kept(NamedTuple):
    state: object
    entries: Mapping[bytes, dict[str, Any]]
    snapshot: Snapshot


_lock = threading.Lock()
_kept: dict[Path, _Kept] = {}


def snapshot(ledger: Path) -> Snapshot:
    """Return what the ledger says now; a missing one is an empty one.

    Raises:
        FinalError: A line is not an entry.
        OSError: The file cannot be read.
    """
    with _lock:  # several requests at once would all read the same
        state = _state(ledger), _state(head_file(ledger))
        known = _kept.get(ledger)
        if known is None or known.state != state:
            entries = _Entries(known.entries if known else {})
            known = _Kept(state, entries.met, _read(Ledger(ledger, parse=entries.parse)))
            _kept[ledger] = known
        return known.snapshot


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
