"""Which files of this machine a source names: one, or the shards in a directory or of a pattern."""

from __future__ import annotations

import glob
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePath
from typing import TypeVar

from ml.data.local_path import A_DIRECTORY, NOTHING, NotAFileError, file_at
from ml.errors import FinalError, SettingsError
from ml.storage.files import sha256_file, sha256_json
from ml.storage.root import Root

P = TypeVar("P", bound=PurePath)
INBOX = "inbox:"
CURE = "Give the path of a CSV, a directory or pattern of shards, inbox:NAME, kaggle or sample."
STORE = re.compile(r"([a-z][a-z0-9+.-]+)://")
_BESIDE = (".", "_")
"""With one of these begin the names of what engines write beside the shards, such as `_SUCCESS`."""


def is_remote(path: str) -> bool:
    """Whether a path names a file of a store, such as `s3://bucket/name`."""
    return bool(STORE.match(path))


@dataclass(frozen=True)
class SourceFiles:
    """The files of a source; `sharded` unless it names a single one. Sorted by name, which is unique among them."""

    files: tuple[Path, ...]
    sharded: bool

    @property
    def sha256(self) -> str:
        """The hash of the file, or of the names and hashes of the shards."""
        if not self.sharded:
            return sha256_file(self.files[0])
        return sha256_json([[file.name, sha256_file(file)] for file in self.files])


def source_files(source: str, root: Root) -> SourceFiles | None:
    """Return the files on this machine that `source` names; None for kaggle, sample and a store.

    In a directory every file is a shard but those whose name begins with "." or "_". In the inbox a shard is a file
    and no link, so that nothing outside of it can be named.

    Raises:
        SettingsError: There is no such file, no shard, or something else among the shards.
        FinalError: This user may not read them.
    """
    if source in ("kaggle", "sample") or is_remote(source):
        return None
    if source.startswith(INBOX):
        place = root.inbox_entry(source.removeprefix(INBOX))
        found = _in_directory(place, source, links=False) if place.is_dir() else SourceFiles((place,), sharded=False)
    else:
        found = _at_path(source)
    for file in found.files:
        _require_readable(file)
    return found


def _at_path(source: str) -> SourceFiles:
    try:
        return SourceFiles((file_at(source),), sharded=False)
    except NotAFileError as error:
        what = str(error)
    given = f"data.source = {source!r}"
    try:
        if what == A_DIRECTORY:
            return _in_directory(Path(source).expanduser(), given, links=True)
        if glob.has_magic(source) and what == NOTHING:
            return _shards(map(Path, glob.glob(str(Path(source).expanduser()))), given, links=True)  # noqa: PTH207 - may be absolute
    except OSError as error:
        raise FinalError(f"{given}: cannot be listed ({error.strerror}).", "Change its mode or owner.") from error
    raise SettingsError(f"{given}: {what}.", CURE)


def _in_directory(place: Path, given: str, *, links: bool) -> SourceFiles:
    try:
        return _shards(place.iterdir(), given, links=links)
    except PermissionError as error:
        raise FinalError(f"{place}: this user may not list it.", "Change its mode or owner.") from error


def in_order(found: Iterable[P], given: str) -> list[P]:
    """Return those of the paths that are shards, in the order of their names.

    Raises:
        SettingsError: None is, or two have the same name.
    """
    files = sorted((file for file in found if not file.name.startswith(_BESIDE)), key=lambda file: file.name)
    for first, second in pairwise(files):
        if first.name == second.name:
            raise SettingsError(f"{given}: two shards are called {first.name}.", "Rename one: messages name shards.")
    if not files:
        raise SettingsError(f"{given}: no shard is there.", CURE)
    return files


def _shards(found: Iterable[Path], given: str, *, links: bool) -> SourceFiles:
    files = in_order(found, given)
    for file in files:
        if not (file.is_file() if links else stat.S_ISREG(file.lstat().st_mode)):
            what = "a directory" if file.is_dir() else "a link" if file.is_symlink() else "not a regular file"
            raise SettingsError(f"{given}: {file.name} is {what}, and shards are files side by side.", "Move it away.")
    return SourceFiles(tuple(files), sharded=True)


def _require_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except PermissionError as error:
        raise FinalError(f"{path}: this user may not read it.", "Change its mode or owner.") from error
