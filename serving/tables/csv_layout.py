"""The layout of a CSV file of customers: its columns, their separator, its line ends."""

from __future__ import annotations

import csv
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TextIO

_SEPARATORS = (",", ";", "\t")
_LINE_ENDS = ("\r\n", "\n", "\r")
_LONGEST = 1 << 20
BOM = b"\xef\xbb\xbf"


class FileError(Exception):
    """A file cannot be read or written; the message names it and says what to change."""


@dataclass(frozen=True)
class CsvLayout:
    """The layout of a file whose header has all the columns that are needed; the output gets the same layout.

    Attributes:
        header: The column names as they are in the file.
        separator: The character between columns.
        line_end: The characters that end a line.
        bom: Whether the file begins with a byte order mark, by which Excel recognizes UTF-8.
    """

    header: list[str]
    separator: str
    line_end: str
    bom: bool

    @classmethod
    def of(cls, path: Path, needed: Collection[str]) -> Self:
        """Reads the header of a file; the separator is the one with which most of the needed columns are found.

        Raises:
            FileError: The file cannot be read, or not twice; its header is not a line of a CSV; or a needed column is
                missing or there twice.
        """
        try:
            mode = path.stat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise FileError(
                    f"{path} is not a regular file, and it is read more than once. Save it to a file first."
                )
            with path.open("rb") as file:
                bom = file.read(len(BOM)) == BOM
            reads = {separator: _header(path, separator) for separator in _SEPARATORS}
        except OSError as error:
            raise FileError(f"{path}: cannot be read ({error.strerror}).") from error
        headers = {separator: read.row for separator, read in reads.items()}
        found = {
            separator: [name.strip() for name in header if name.strip() in needed]
            for separator, header in headers.items()
        }
        separator = max(_SEPARATORS, key=lambda separator: len(set(found[separator])))
        lacking = [name for name in needed if name not in found[separator]]
        wrong = next((read.wrong for read in reads.values() if read.wrong), "")
        if wrong and not found[separator]:
            raise FileError(f"{path}: its header is not a line of a CSV ({wrong}). Correct its quotes or line ends.")
        if lacking:
            raise FileError(
                f"{path}: the first line lacks {', '.join(lacking)}. The model needs the columns "
                f"{', '.join(needed)}, in any order; the file must be a CSV in UTF-8."
            )
        twice = sorted(name for name in needed if found[separator].count(name) > 1)
        if twice:
            raise FileError(f"{path}: column {twice[0]!r} is in the header twice. Rename or drop one.")
        if any(has_invalid_utf8(name) for name in headers[separator]):
            raise FileError(f"{path}: its header has a byte that is not UTF-8. Save the file as UTF-8.")
        return cls(headers[separator], separator, reads[separator].line_end, bom)

    @property
    def names(self) -> list[str]:
        """The column names without the white space around them."""
        return [name.strip() for name in self.header]


def open_text(path: Path) -> TextIO:
    """Opens a file as text, line ends unchanged.

    Bytes that are not UTF-8 become lone surrogates, which `has_invalid_utf8` finds.
    """
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def has_invalid_utf8(text: str) -> bool:
    """Whether a text of `open_text` had bytes that are not UTF-8."""
    return not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text)


@dataclass(frozen=True)
class _Header:
    row: list[str]
    line_end: str = "\n"
    wrong: str = ""


def _header(path: Path, separator: str) -> _Header:
    """The header as one separator divides it. It may take several lines: a name in quotes may hold a line end."""
    last = ""

    def lines(file: TextIO) -> Iterator[str]:
        nonlocal last
        while last := file.readline(_LONGEST):
            if len(last) == _LONGEST:
                raise csv.Error(f"a line of more than {_LONGEST:,} characters")
            yield last

    with open_text(path) as file:
        try:
            row = next(csv.reader(lines(file), delimiter=separator, strict=True), [])
        except csv.Error as error:
            return _Header([], wrong=str(error))
    return _Header(row, next((end for end in _LINE_ENDS if last.endswith(end)), "\n"))
