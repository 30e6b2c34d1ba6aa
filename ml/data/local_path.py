"""Finds a file that a user named, and says what is there instead when it is not one."""

from __future__ import annotations

from pathlib import Path

A_DIRECTORY, NOTHING = "a directory", "no such file"


class NotAFileError(Exception):
    """There is no file at a path; the message says what is there instead, as the end of a sentence."""


def file_at(text: str) -> Path:
    """Return the path of a regular file; `~` and `~NAME` lead to a home directory.

    Raises:
        NotAFileError: The text names something else, or nothing.
    """
    if not text.strip():
        raise NotAFileError("it is blank")
    try:
        path = Path(text).expanduser()
        if path.is_file():
            return path
        found = _instead_of_file(path)
    except RuntimeError:  # ~NAME
        found = "there is no such user"
    except (OSError, ValueError) as error:
        found = getattr(error, "strerror", None) or "it cannot be looked at"
    raise NotAFileError(found)


def _instead_of_file(path: Path) -> str:
    if path.is_dir():
        return A_DIRECTORY
    if path.is_symlink() and not path.exists():
        return "a link to something that does not exist"
    return "not a regular file" if path.exists() else NOTHING
