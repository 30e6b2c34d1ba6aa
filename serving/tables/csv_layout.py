"""The layout of a CSV file: its columns, their separator, its line ends."""

from __future__ import annotations

import csv
import re
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TextIO

from serving.tables.column_names import MatchedColumns, count_columns, match_columns
from serving.tables.file_errors import FileError
from serving.tables.file_kind import BOM, HEAD

SEPARATORS = (",", ";", "\t", "|")
_LINE_ENDS = ("\r\n", "\n", "\r")
_LONGEST = 1 << 20
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t|])"?[\r\n]*', re.IGNORECASE)


@dataclass(frozen=True)
class CsvLayout:
    """The layout of a file; the output gets the same.

    Attributes:
        header: The column names as they are in the file.
        columns: Where the wanted columns are.
        separator: The character between columns.
        line_end: The characters that end a line.
        bom: Whether the file begins with a byte order mark, by which Excel recognizes UTF-8.
        names_separator: Whether the first line is `sep=` and the separator, which Excel reads as an instruction.
    """

    header: list[str]
    columns: MatchedColumns
    separator: str = ","
    line_end: str = "\n"
    bom: bool = False
    names_separator: bool = False

    @classmethod
    def of(cls, path: Path, wanted: Collection[str], *, name: str) -> Self:
        """Reads the header of a file; the separator is the one with which most of the wanted columns are found.

        Args:
            path: The file.
            wanted: The names of the columns to find.
            name: What messages call the file.

        Raises:
            FileError: The header is not a line of a CSV, or a wanted column is there twice.
        """
        with path.open("rb") as file:
            head = file.read(HEAD)
        bom = head.startswith(BOM)
        sep_line = _SEPARATOR_LINE.match(head.removeprefix(BOM)[:16].decode("latin-1"))
        separators = (sep_line[1],) if sep_line else SEPARATORS
        reads = {separator: _header(path, separator, after_sep_line=bool(sep_line)) for separator in separators}
        counts = {separator: count_columns(read.row, wanted) for separator, read in reads.items()}
        separator = max(separators, key=counts.__getitem__)
        wrong = next((read.wrong for read in reads.values() if read.wrong), "")
        if wrong and not counts[separator][0]:
            raise FileError(f"{name}: its header is not a line of a CSV ({wrong}).", "Correct its quotes or line ends.")
        header = reads[separator].row
        if any(has_invalid_utf8(column) for column in header):
            raise not_utf8(path, name)
        columns = match_columns(header, wanted, name)
        return cls(header, columns, separator, reads[separator].line_end, bom, bool(sep_line))

    @property
    def notes(self) -> list[str]:
        """A sentence for each thing about the layout that the user should know."""
        named = f"its first line, sep={self.separator}, is taken as the name of the separator"
        return [*([named] if self.names_separator else []), *self.columns.notes]


def check_regular(path: Path, name: str) -> None:
    """Make sure that a file can be read, and more than once.

    Raises:
        FileError: It cannot.
    """
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise FileError(f"{name} is not a regular file, and it is read more than once.", "Save it to a file first.")
        path.open("rb").close()
    except OSError as error:
        raise FileError(f"{name}: cannot be read ({error.strerror}).") from error


def open_text(path: Path) -> TextIO:
    """Opens a file as text, line ends unchanged.

    Bytes that are not UTF-8 become lone surrogates, which `has_invalid_utf8` finds.
    """
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def has_invalid_utf8(text: str) -> bool:
    """Whether a text of `open_text` had bytes that are not UTF-8."""
    return not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text)


def not_utf8(path: Path, name: str) -> FileError:
    """Return the error for a file that is not UTF-8; it names the first wrong byte and its line, from 1."""
    line, byte = 1, b""
    with path.open("rb") as file:
        for text in file:
            try:
                text.decode()
            except UnicodeDecodeError as error:
                line += len(re.findall(rb"\r(?!\n)", text[: error.start]))
                byte = text[error.start : error.start + 1]
                break
            line += 1
    return FileError(
        f"{name}: not UTF-8: byte 0x{byte.hex().upper()} in line {line}.",
        'Save the file as UTF-8, which Excel calls "CSV UTF-8"; it may be Windows-1252 or Latin-1.',
    )


@dataclass(frozen=True)
class _Header:
    row: list[str]
    line_end: str = "\n"
    wrong: str = ""


def _header(path: Path, separator: str, *, after_sep_line: bool) -> _Header:
    """The header as one separator divides it. It may take several lines: a name in quotes may hold a line end."""
    last = ""

    def lines(file: TextIO) -> Iterator[str]:
        nonlocal last
        while last := file.readline(_LONGEST):
            if len(last) == _LONGEST:
                raise csv.Error(f"a line of more than {_LONGEST:,} characters")
            yield last

    with open_text(path) as file:
        reader = csv.reader(lines(file), delimiter=separator, strict=True)
        try:
            row = read_header(reader, after_sep_line=after_sep_line)
        except csv.Error as error:
            return _Header([], wrong=str(error))
    return _Header(row, next((end for end in _LINE_ENDS if last.endswith(end)), "\n"))


def read_header(reader: Iterator[list[str]], *, after_sep_line: bool) -> list[str]:
    """Read on to the end of the header, past the blank lines before it and the `sep=` line, if there is one."""
    if after_sep_line:
        next(reader, None)
    return next((row for row in reader if any(name.strip() for name in row)), [])
