"""What stands in the place of data from which a customer was erased: their hash and the day, and nobody's data."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from ml.storage.files import json_object, make_directories, write_json
from ml.storage.root import Root

_SHA256 = re.compile(r"[0-9a-f]{64}")


def note_erasure(root: Root, sha256: str, *, at: datetime) -> None:
    """Remember that a customer was erased from the data with this hash; the first day counts."""
    path = _path(root, sha256)
    if not path.is_file():
        make_directories(path.parent)
        write_json(path, {"sha256": sha256, "erased": at.date().isoformat()})


def forget_half_written_notes(root: Root) -> None:
    """Remove what a kill left of a note; nobody else writes one meanwhile."""
    for left_over in root.data.glob(".*.erased.json.*.tmp"):
        left_over.unlink(missing_ok=True)


def erasure_of(root: Root, sha256: str) -> str | None:
    """Return the day (ISO 8601) on which a customer was erased from data with this hash; None if nobody was."""
    if not _SHA256.fullmatch(sha256):
        return None
    path = _path(root, sha256)
    return str(json_object(path).get("erased", "an unknown day")) if path.is_file() else None


def erased_sentence(day: str) -> str:
    """Return what is told of such data, without a full stop."""
    return f"a customer was erased from these data on {day}, so they can no longer be reproduced"


def _path(root: Root, sha256: str) -> Path:
    return root.data / f"{sha256}.erased.json"
