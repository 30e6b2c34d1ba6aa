"""The results of runs that the ledger does not know, each read again only when one of its results is new."""

from __future__ import annotations

import threading
from collections.abc import Collection
from pathlib import Path

from ml.pipeline.run_record import RunRecord
from ml.storage.root import RUN_ID, Root

NEWEST = 200
"""How many are read at most."""

_lock = threading.Lock()
_kept: dict[Path, tuple[int, RunRecord]] = {}


def other_runs(root: Root, known: Collection[str]) -> list[RunRecord]:
    """Return the newest runs that are not `known`; none when their directory cannot be read."""
    try:
        found = [(_changed(place), place) for place in root.runs.iterdir() if _is_run(place, known)]
    except OSError:  # there is none yet
        return []
    newest = sorted(((at, place) for at, place in found if at), reverse=True)[:NEWEST]
    with _lock:
        for at, place in newest:
            if place not in _kept or _kept[place][0] != at:
                _kept[place] = at, RunRecord.read(place)
        for place in _kept.keys() - {place for _, place in newest}:
            del _kept[place]
        return [_kept[place][1] for _, place in newest]


def _is_run(place: Path, known: Collection[str]) -> bool:
    return place.name not in known and RUN_ID.fullmatch(place.name) is not None and not place.is_symlink()


def _changed(place: Path) -> int:
    """Return when a result appeared last, in nanoseconds since 1970; 0 without one. Results appear by a rename."""
    try:
        return (place / "results").stat().st_mtime_ns
    except OSError:
        return 0
