"""Lists that somebody wants to keep on the server: below one directory that nobody else can read, for some days."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from serving.gateway.page.keeping import LISTS
from serving.records.private_files import DirectoryError, fsync_directory, locked, private_directory

_ABOUT = "kept.json"
_ID = re.compile(r"[0-9a-f]{32}")
_DAY_SECONDS = 86_400


class CannotKeepError(Exception):
    """A list cannot be kept; the message says why and what to do."""


@dataclass(frozen=True)
class KeptList:
    """A kept list.

    Attributes:
        id: Its identifier.
        owner: Whose it is.
        name: The name of the file that came in.
        ending: ".csv" or ".xlsx", as it came in.
        customers: How many customers it has.
        version: The version that scored them.
        kept_at: When it was kept, in seconds since 1970.
    """

    id: str
    owner: str
    name: str
    ending: str
    customers: int
    version: int
    kept_at: float


class KeptLists:
    """The lists below a directory, each in one of its own.

    Args:
        root: The directory; it is made with the first list.
        days: How long a list is kept.
        now: A clock in seconds since 1970.
    """

    def __init__(self, root: Path, days: float, *, now: Callable[[], float] = time.time) -> None:
        self.days = days
        self._root, self._now = root, now

    def keep(self, about: KeptList, directory: Path) -> None:
        """Copies the files of a directory; a list that is kept already stays.

        Raises:
            CannotKeepError: They cannot be copied.
        """
        place = self._root / about.id
        beside = self._root / f".{about.id}.part"
        try:
            private_directory(self._root, LISTS)
            if place.exists():
                return
            with locked(self._root):
                shutil.rmtree(beside, ignore_errors=True)
                shutil.copytree(directory, beside, ignore=shutil.ignore_patterns(".*"))
                (beside / _ABOUT).write_text(json.dumps(asdict(about)))
                _flush(beside)
                beside.rename(place)
                fsync_directory(self._root)
        except DirectoryError as error:
            raise CannotKeepError(str(error)) from error
        except OSError as error:
            shutil.rmtree(beside, ignore_errors=True)
            why = error.strerror or "not all of its files can be copied"  # copytree's own error names their places
            raise CannotKeepError(f"The list cannot be kept on this server ({why}). Download it instead.") from error

    def of(self, owner: str) -> list[KeptList]:
        """The lists of an owner, the newest first."""
        found = [about for about in map(self._about, self._places()) if about is not None and about.owner == owner]
        return sorted(found, key=lambda about: -about.kept_at)

    def find(self, owner: str, list_id: str) -> tuple[KeptList, Path] | None:
        """A list of an owner and its directory; None when there is none."""
        if not _ID.fullmatch(list_id):
            return None
        about = self._about(self._root / list_id)
        return (about, self._root / list_id) if about is not None and about.owner == owner else None

    def remove(self, owner: str, list_id: str) -> bool:
        """Removes a list of an owner; False when there is none."""
        found = self.find(owner, list_id)
        if found is not None:
            shutil.rmtree(found[1], ignore_errors=True)
        return found is not None

    def remove_old(self) -> None:
        """Removes what was kept for long enough, and what a killed gateway was about to keep."""
        for place in self._places():
            about = self._about(place)
            if about is None or self._now() - about.kept_at > self.days * _DAY_SECONDS:
                shutil.rmtree(place, ignore_errors=True)
        if not self._root.is_dir():
            return
        with locked(self._root):  # whoever keeps a list now holds the lock, so these are of nobody
            for beside in self._root.glob(".*.part"):
                shutil.rmtree(beside, ignore_errors=True)

    def _places(self) -> list[Path]:
        return [place for place in self._root.glob("*") if _ID.fullmatch(place.name)] if self._root.is_dir() else []

    def _about(self, place: Path) -> KeptList | None:
        try:
            return KeptList(**json.loads((place / _ABOUT).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None


def _flush(directory: Path) -> None:
    """Flushes the files of a directory, so that a list that is kept is there after a power cut."""
    for path in directory.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    fsync_directory(directory)
