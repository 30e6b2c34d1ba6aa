"""The order of runs, which does not depend on a clock: each gets a number when it begins, higher than all before it.

`run.json` in the directory of a run holds it. Runs of an older version of this code have none, and come first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ml.storage import files

NOTE = "run.json"


def begin(directory: Path) -> None:
    """Make the run in `directory` the last of all beside it."""
    others = [sequence(path) for path in directory.parent.iterdir()]
    note(directory, sequence=max(others, default=0) + 1)


def note(directory: Path, **facts: Any) -> None:
    """Add to what is noted of the run in `directory`."""
    files.write_json(directory / NOTE, noted(directory) | facts)


def noted(directory: Path) -> dict[str, Any]:
    """Return what is noted of the run in `directory`; nothing when the file is missing or damaged."""
    return files.json_object(directory / NOTE)


def sequence(directory: Path) -> int:
    """Return the number of the run in `directory`; 0 when it has none."""
    found = noted(directory).get("sequence")
    return found if type(found) is int and 0 < found < 1 << 62 else 0


def recency(directory: Path) -> tuple[int, float]:
    """Return a key that is larger for a run that began later; the time of the directory decides among the unnumbered.

    Links are not followed, and what has just been removed is the oldest.
    """
    try:
        return sequence(directory), directory.lstat().st_mtime
    except OSError:
        return 0, 0.0
