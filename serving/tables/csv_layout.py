"""How a CSV of customers is laid out: its columns, what separates them, how lines end."""

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
    """The file cannot be scored; the message names it and says what to change."""


@dataclass(frozen=True)
class Layout:
    """Of a file whose header has all columns that are needed; what is written has the same.

    Attributes:
        header: The column names as they stand there.
        separator: What stands between columns.
        line_end: What ends a line.
        bom: Whether it begins with a byte order mark, by which Excel knows UTF-8.
    """

    header: list[str]
    separator: str
    line_end: str
    bom: bool

    @classmethod
    def of(cls, path: Path, needed: Collection[str]) -> Self:
        """Reads the header of a file; the separator is the one by which most of the needed columns are found.

        Raises:
            FileError: It cannot be read or read twice, its header is no CSV, or a needed column is not there once.
        """
        try:
            mode = path.stat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise FileError(f"{path}: is no regular file, and it is read more than once. Save it to a file first.")
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
            raise FileError(f"{path}: its header is no line of a CSV ({wrong}). Correct its quotes or line ends.")
        if lacking:
            raise FileError(
                f"{path}: its first line lacks {', '.join(lacking)}. The model needs the columns "
                f"{', '.join(needed)}, in any order; the file must be a CSV in UTF-8."
            )
        twice = sorted(name for name in needed if found[separator].count(name) > 1)
        if twice:
            raise FileError(f"{path}: column {twice[0]!r} stands in the header twice. Rename or drop one.")
        if any(damaged(name) for name in headers[separator]):
            raise FileError(f"{path}: its header has a byte that is no UTF-8. Save the file as UTF-8.")
        return cls(headers[separator], separator, reads[separator].line_end, bom)

    @property
    def names(self) -> list[str]:
        """The column names without the blanks around them."""
        return [name.strip() for name in self.header]


def opened(path: Path) -> TextIO:
    """The file as text with its line ends; bytes that are no UTF-8 become lone surrogates, which `damaged` finds."""
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def damaged(text: str) -> bool:
    """Whether there were bytes that are no UTF-8."""
    return not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text)


@dataclass(frozen=True)
class _Header:
    row: list[str]
    line_end: str = "\n"
    wrong: str = ""


def _header(path: Path, separator: str) -> _Header:
    """As one separator has it. It may go over several lines: a name in quotes may hold a line end."""
    last = ""

    def lines(file: TextIO) -> Iterator[str]:
        nonlocal last
        while last := file.readline(_LONGEST):
            if len(last) == _LONGEST:
                raise csv.Error(f"a line of more than {_LONGEST:,} characters")
            yield last

    with opened(path) as file:
        try:
            row = next(csv.reader(lines(file), delimiter=separator, strict=True), [])
        except csv.Error as error:
            return _Header([], wrong=str(error))
    return _Header(row, next((end for end in _LINE_ENDS if last.endswith(end)), "\n"))
