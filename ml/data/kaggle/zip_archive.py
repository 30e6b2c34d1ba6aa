"""Extracts one file from a zip archive that cannot be trusted."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from ml.data.csv_copy import too_large
from ml.errors import DataError
from ml.storage.files import CHUNK

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")  # with files, without any
SHOWN_NAMES = 10


class BadZipError(DataError):
    """The archive is cut short or damaged; the next download may bring a whole one."""


def is_zip(path: Path) -> bool:
    """Return whether the file begins like a zip, be it whole or not."""
    with path.open("rb") as file:
        return file.read(4) in SIGNATURES


def extract_member(archive: Path, member: str, *, target: Path, name: str, max_bytes: int) -> None:
    """Write the file `member` of `archive` to `target`, in chunks, its checksum verified.

    Args:
        archive: The zip.
        member: A path inside it; a bare file name also matches the only file of that name in some folder.
        target: The file to write; it may hold a part after an error.
        name: What messages call the archive.
        max_bytes: What `member` may unpack to.

    Raises:
        BadZipError: The zip is cut short, damaged, or lies about the size of what is in it.
        DataError: `member` is not in it, is encrypted, or unpacks to more than `max_bytes`.
        OSError: The disk refused to read or write.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            found = _find(content, member, name)
            if found.flag_bits & 1:
                raise DataError(f"{name}: {member} in the zip is encrypted.", "Choose an archive without a password.")
            if found.file_size > max_bytes:
                raise too_large(f"{name}: {member}, unpacked, is", max_bytes)
            with content.open(found) as reader, target.open("wb") as writer:
                shutil.copyfileobj(reader, writer, CHUNK)  # ends at the declared size, whatever the archive holds
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError) as error:
        raise BadZipError(
            f"{name}: the zip of {archive.stat().st_size:,} bytes is cut short or damaged ({error}).",
            "Try again later; if that does not help, the archive is broken at its source: tell its owner.",
        ) from error


def _find(content: zipfile.ZipFile, member: str, name: str) -> zipfile.ZipInfo:
    files = [info for info in content.infolist() if not info.is_dir()]
    exact = [info for info in files if info.filename == member]
    alike = exact or [info for info in files if PurePosixPath(info.filename).name == member]
    if len(alike) == 1:
        return alike[0]
    listed = ", ".join(info.filename[:100] for info in files[:SHOWN_NAMES]) or "nothing"
    more = f" and {len(files) - SHOWN_NAMES} more" if len(files) > SHOWN_NAMES else ""
    raise DataError(
        f"{name}: {'several files' if alike else 'no file'} named {member} in the zip (there: {listed}{more}).",
        "Set data.file to one of them.",
    )
