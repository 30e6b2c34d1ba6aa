"""How far the sheets of an .xlsx reach, before a reader makes room for every cell of the rectangle around them."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

_SHEETS = re.compile(r"xl/worksheets/[^/]+\.xml")
# A cell with something in it; one that is only formatted ends in /> and takes no room.
_CELL = re.compile(rb"""<(?:\w+:)?c\s(?:[^>]*?\s)?r=["']([A-Z]{1,3})(\d{1,7})["'][^>]*(?<!/)>""")
_CHUNK = 1 << 20
_LONGEST_TAG = 1 << 10


def most_cells(path: Path) -> int:
    """Return the cells of the rectangle from the first to the last used cell, of the sheet where it is largest.

    0 for a file of another kind.

    Raises:
        zipfile.BadZipFile: The archive is damaged.
    """
    if not zipfile.is_zipfile(path):
        return 0
    with zipfile.ZipFile(path) as archive:
        return max((_cells(archive, name) for name in archive.namelist() if _SHEETS.fullmatch(name)), default=0)


def _cells(archive: zipfile.ZipFile, name: str) -> int:
    rows: set[int] = set()
    columns: set[bytes] = set()
    rest = b""
    with archive.open(name) as sheet:
        while chunk := sheet.read(_CHUNK):
            text = rest + chunk
            end = 0
            for cell in _CELL.finditer(text):
                columns.add(cell[1])
                rows.add(int(cell[2]))
                end = cell.end()
            rows = {min(rows), max(rows)} if rows else rows
            rest = text[max(end, len(text) - _LONGEST_TAG) :]
    if not rows:
        return 0
    numbers = [_column(letters) for letters in columns]
    return (max(rows) - min(rows) + 1) * (max(numbers) - min(numbers) + 1)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number
