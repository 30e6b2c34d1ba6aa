"""Files and directories that appear whole or not at all, and the hashes that identify them.

Every function here leaves a correct state when the process dies between any two system calls: content is
written beside its place, flushed to the disk, and renamed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ml.errors import FinalError, TransientError
from ml.storage.error_cures import CURES

CHUNK = 1 << 20
NO_LINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP)
"""What a system answers that cannot, or will not, give a file a second name."""


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of the bytes of one file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_bytes(content: bytes) -> str:
    """Return the SHA-256 of these bytes, in hex."""
    return hashlib.sha256(content).hexdigest()


def sha256_tree(directory: Path, *, but: str = "") -> str:
    """Return the SHA-256, in hex, over the sorted relative paths and contents of all files below `directory`.

    `but` is the relative path of a file that does not count.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in directory.rglob("*") if p.is_file()):
        if path.relative_to(directory).as_posix() == but:
            continue
        digest.update(
            f"{path.relative_to(directory).as_posix()}\0{sha256_file(path)}\n".encode(errors="surrogateescape")
        )
    return digest.hexdigest()


def sha256_json(value: object) -> str:
    """Return the SHA-256 of the canonical JSON form of `value`, in hex."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def fsync_directory(directory: Path) -> None:
    """Flush `directory`, so that the names in it survive a power cut."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fsync_tree(directory: Path) -> None:
    """Flush `directory` and everything below it, so that all of it survives a power cut."""
    for path in directory.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        elif path.is_dir():
            fsync_directory(path)
    fsync_directory(directory)


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a reader sees the old file or the new one, never a part."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    fsync_directory(path.parent)


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    # A name that is not UTF-8 has lone surrogates, which only an escape of JSON can hold.
    write_whole(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode(errors="backslashreplace"))


def read_json(path: Path) -> Any:
    """Return the JSON value in `path`.

    Raises:
        FinalError: The file is not JSON; the message names it.
        FileNotFoundError: There is no such file.
    """
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FinalError(f"{path}: not valid JSON ({error}).", "Delete the file and repeat the step.") from error


def json_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in `path`; an empty one when there is none, or the file is damaged."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def copy_directory(source: Path, copy: Path) -> None:
    """Copy a directory of plain files to `copy`, which must not exist, and raise the first error of the disk.

    `shutil.copytree` gathers all errors in one that no longer says whether the disk is full.
    """
    copy.mkdir()
    for path in sorted(source.iterdir()):
        if path.is_dir():
            copy_directory(path, copy / path.name)
        else:
            shutil.copyfile(path, copy / path.name)


def link_directory(source: Path, copy: Path) -> None:
    """Make `copy`, which must not exist, of hard links to the files in `source`, so that it needs no room for them.

    A file that cannot be linked is copied: on another filesystem, on one without links, with too many of them already,
    or of another user. Nothing of ours is changed in place, so that the two stay apart.
    """
    copy.mkdir()
    for path in sorted(source.iterdir()):
        if path.is_dir():
            link_directory(path, copy / path.name)
            continue
        try:
            if path.is_symlink():
                raise OSError(errno.EXDEV, "what a link names may lie elsewhere")
            os.link(path, copy / path.name)
        except OSError as error:
            if error.errno not in NO_LINK:
                raise
            shutil.copyfile(path, copy / path.name)


def make_directories(directory: Path) -> None:
    """Make `directory` and the parents that it lacks, so that all of their names survive a power cut.

    Raises:
        FileExistsError: Something else than a directory stands in its place.
    """
    missing, above = [], directory
    while not above.exists():
        missing.append(above)
        above = above.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        fsync_directory(path.parent)
    if not directory.is_dir():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(directory))


def own_directory(directory: Path) -> None:
    """Make `directory` if it is missing; what is in it is going to be deleted, so no link is followed there.

    Raises:
        FinalError: A file or a symbolic link stands in its place.
    """
    try:
        mode = directory.lstat().st_mode
    except FileNotFoundError:
        make_directories(directory)
        return
    if not stat.S_ISDIR(mode):
        kind = "a symbolic link, which is never followed" if stat.S_ISLNK(mode) else "not a directory"
        raise FinalError(f"{directory}: is {kind}.", "Remove it, or move it away; then repeat.")


def children(directory: Path) -> list[Path]:
    """Return the entries of a directory of ours, sorted; none when it does not exist.

    Raises:
        FinalError: A file or a symbolic link stands in its place.
    """
    if not os.path.lexists(directory):
        return []
    own_directory(directory)
    return sorted(directory.iterdir())


def publish_directory(made: Path, place: Path) -> None:
    """Rename the finished directory `made` to `place`, which must not exist, and make both durable."""
    fsync_tree(made)
    move(made, place)


def move(source: Path, place: Path) -> None:
    """Rename `source` to `place`, which must not exist, and make both names durable."""
    make_directories(place.parent)
    source.rename(place)
    fsync_directory(place.parent)
    fsync_directory(source.parent)


def remove_directory(directory: Path, trash: Path) -> None:
    """Remove `directory` so that it vanishes from its place at once, whatever happens during the deletion.

    It is first renamed into `trash` (same filesystem); what a killed deletion leaves there goes with the next one.
    What stands in its place instead, a file or a link, goes the same way; links are never followed.

    Raises:
        FinalError: `trash` is a file or a symbolic link.
    """
    own_directory(trash)
    if os.path.lexists(directory):
        place = trash / f"{directory.parent.name}-{directory.name}-{os.getpid()}"
        _delete(place)
        directory.rename(place)
    for leftover in trash.iterdir():
        _delete(leftover)


def _delete(path: Path) -> None:
    """Delete what is at `path`, if anything is; what cannot be deleted now stays for the next time."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn the errors of a disk (full, too large, not allowed, read-only) into errors of ours that name a cure.

    Raises:
        TransientError: The disk is full, or a file grew beyond a limit.
        FinalError: A path is missing, read-only or not allowed.
    """
    try:
        yield
    except PermissionError as error:
        raise FinalError(
            f"{what}: {error.strerror}: {error.filename}.",
            "Make the directory writable for this user, or choose another with --root or RETRAIN_ROOT.",
        ) from error
    except FileNotFoundError as error:
        raise FinalError(
            f"{what}: {error.strerror}: {error.filename}.",
            "It was removed, or the path is wrong: restore it, or start a new run.",
        ) from error
    except OSError as error:
        named = f"{what}: {error.strerror}{f': {error.filename}' if error.filename else ''}."
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise TransientError(
                named,
                "Free disk space or raise the limit; nothing was published and the step can be repeated.",
            ) from error
        if error.errno in (errno.EROFS, errno.ENAMETOOLONG):
            raise FinalError(named, "Choose another --root.") from error
        if error.errno in CURES:
            kind, cure = CURES[error.errno]
            raise kind(named, cure) from error
        raise
