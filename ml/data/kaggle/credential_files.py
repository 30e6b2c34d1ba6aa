"""Reads files with credentials, and says what is wrong with one without quoting it."""

from __future__ import annotations

import json
from pathlib import Path

from ml.errors import FinalError

SAVE_AGAIN = "Download it again at kaggle.com/settings (Create New Token) and save it unchanged, or remove it."
_LARGEST_BYTES = 1 << 20


def is_there(path: Path, source: str) -> bool:
    """Return whether something stands at a path, even a link that leads nowhere.

    Raises:
        FinalError: This user may not look there, or it cannot be a path.
    """
    try:
        return path.exists() or path.is_symlink()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a path"
        raise FinalError(f"{source} cannot be read: {why}.", "Change its mode or owner.") from None


def read_file(path: Path, source: str, cure: str = SAVE_AGAIN) -> str:
    """Return the text of a file; a byte order mark is left out.

    Args:
        path: The file.
        source: What messages call it.
        cure: How to get it right.

    Raises:
        FinalError: It is not a file, cannot be read, is not UTF-8, or is far too large.
    """
    if not path.is_file():
        raise FinalError(f"{source} is not a file.", cure)
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise FinalError(f"{source} cannot be read: {error.strerror or error}.", "Change its mode or owner.") from error
    if len(content) > _LARGEST_BYTES:
        raise FinalError(f"{source} is larger than a file of credentials can be.", cure)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FinalError(f"{source} is not in UTF-8.", cure) from None  # the cause would quote the file


def read_table(path: Path, source: str, cure: str = SAVE_AGAIN) -> dict[str, object]:
    """Return the JSON object in a file.

    Raises:
        FinalError: As `read_file`; or the text is not a JSON object.
    """
    text = read_file(path, source, cure)
    if not text.strip():
        raise FinalError(f"{source} is empty.", cure)
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a ValueError, too
        where = f" in line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise FinalError(f"{source} is not valid JSON{where}: cut off, or edited?", cure) from None
    if not isinstance(table, dict):
        raise FinalError(f"{source} holds no JSON object.", cure)
    return table
