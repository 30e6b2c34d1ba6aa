"""What a file is by its first bytes: a CSV, a workbook, or something else that is named."""

from __future__ import annotations

import re
from typing import Literal

from serving.tables.file_errors import FileError

BOM = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8, by which Excel recognizes it."""
HEAD = 1 << 16
"""How many bytes of a file decide what it is."""
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")  # a zip with XML in it; Excel's older format
_SIGNATURES = {
    b"PK\x05\x06": "an empty zip archive",
    b"\x1f\x8b": "a gzip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ\0": "an xz file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"PAR1": "a Parquet file",
    b"ARROW1\0\0": "an Arrow file",
    b"SQLite format 3\0": "an SQLite database",
    b"%PDF": "a PDF",
    b"{\\rtf": "a text document (RTF)",
}
_NO_TEXT = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")
_SHOWN_BYTES = 64
_SHOWN_CHARACTERS = 60


def file_kind(head: bytes, name: str) -> Literal["csv", "workbook"]:
    """Return what a file is, whose first `HEAD` bytes are `head`.

    Raises:
        FileError: It is neither; the message calls it `name` and says what it looks like.
    """
    if not head:
        raise FileError(f"{name}: the file is empty (0 bytes).", "Obtain the file again.")
    if head.startswith(WORKBOOKS):
        return "workbook"
    for signature, kind in _SIGNATURES.items():
        if head.startswith(signature):
            raise FileError(f"{name}: this is {kind}, not a CSV.", "Unpack or export it, and give the CSV in it.")
    if found := _wide_encoding(head):
        raise FileError(f"{name}: this is {found}, not UTF-8.", 'Save the file as UTF-8; Excel calls that "CSV UTF-8".')
    if found_byte := _NO_TEXT.search(head[:_SHOWN_BYTES]):
        raise FileError(
            f"{name}: this is not a text file: byte {found_byte.start() + 1} is 0x{found_byte[0].hex().upper()}.",
            "Export it as CSV (UTF-8) with the program that wrote it.",
        )
    text = head.removeprefix(BOM).lstrip()
    if not text:
        raise FileError(f"{name}: it holds nothing but blank lines.", "Obtain the file again.")
    if text.startswith(b"<"):
        raise FileError(
            f"{name}: this is a web page{_title(text)}, not a CSV.",
            "It is often a log-in or error page saved under the wrong name: obtain the file itself.",
        )
    if text.startswith((b"{", b"[")):
        raise FileError(f"{name}: this is JSON, not a CSV.", "It may be an error message: open it, then get the CSV.")
    return "csv"


def _wide_encoding(head: bytes) -> str:
    """Return the name of an encoding of two or four bytes a character and the sign by which it is known, else ""."""
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):  # before UTF-16, whose mark begins the first of them
        return "UTF-32 (it begins with its byte order mark)"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16 (it begins with its byte order mark)"
    if head[:3] == b"\0\0\0" or head[1:4] == b"\0\0\0":
        return "UTF-32 (three of four bytes are NUL)"
    return "UTF-16 (every other byte is NUL)" if b"\0" in head[:2] else ""


def _title(page: bytes) -> str:
    match = re.search(rb"<title[^>]*>(.*?)</title>", page, re.IGNORECASE | re.DOTALL)
    title = " ".join(match[1].decode("utf-8", errors="replace").split())[:_SHOWN_CHARACTERS] if match else ""
    return f" ({title!r})" if title else ""
