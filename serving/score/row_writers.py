"""Writing rows to a CSV file or to a workbook, so that no spreadsheet takes a text for a formula."""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

from serving.tables.csv_layout import CsvLayout
from serving.tables.file_errors import FileError
from serving.tables.file_kind import BOM
from serving.tables.number_text import parse_number

ENDINGS = (".csv", ".xlsx")
_BOTH = "\r\n"
_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_SUSPECT = frozenset((*_STARTS, *" \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u3000"))
"""The first letters of what may be a formula: its own, or a blank before it."""
_HARMLESS = re.compile(r"[+-][\d .,]*", re.ASCII)
_SEPARATORS = frozenset(",;\t")
_MOST_ROWS = 1_048_576
_MOST_COLUMNS = 16_384
_LOOKED_AT = 200
"""So many rows decide how wide the columns of a workbook are."""
_NARROWEST, _WIDEST = 8, 50
"""In letters."""
_MOST_CHARACTERS = 32_767


class Number(NamedTuple):
    """A number of ours, and with how many decimals it is written."""

    value: float
    digits: int


class RowWriter(Protocol):
    """Where rows go.

    Attributes:
        guarded: How many texts that begin like a formula got a ' before them.
    """

    guarded: int

    def write(self, row: Sequence[str], ours: Sequence[Number | str] = ()) -> None:
        """Write the texts of a row, and after them what is ours."""


def is_formula(text: str) -> bool:
    """Whether a spreadsheet that opens a CSV may take the text for a formula (OWASP, "CSV Injection")."""
    start = text.lstrip()
    if not start.startswith(_STARTS):
        return False
    return not _HARMLESS.fullmatch(start) and parse_number(start.strip(), decimal_comma=True) is None


def unguarded(text: str) -> str:
    """A text as it was before a `CsvRowWriter` wrote it."""
    text = text[1:] if text.startswith("'") and is_formula(text[1:]) else text
    return _GUARDED.sub(lambda found: f"{found[1]}{found[2]}" if is_formula(found[3]) else found[0], text)


def _parts_of(separators: Collection[str], mark: str = "") -> re.Pattern[str]:
    """What may be a formula after a separator or a line end: these, what is from there on, and that without quotes."""
    ends = re.escape("".join(sorted(separators)) + _BOTH)
    blanks = rf"(?:[^\S{ends}]|\")*"
    return re.compile(rf"([{ends}]){mark}(?={blanks}[{re.escape(''.join(_STARTS))}])({blanks}([^{ends}]*))")


_GUARDED = _parts_of(_SEPARATORS, "'")


class CsvRowWriter:
    """Rows of a CSV file in a given layout."""

    def __init__(self, out: IO[bytes], layout: CsvLayout, *, decimal_comma: bool = False) -> None:
        self.guarded = 0
        self._parts = _parts_of(_SEPARATORS - {layout.separator})
        self._decimal_comma = decimal_comma
        self._write = csv_writer(out, layout.separator, layout.line_end)
        out.write(BOM if layout.bom else b"")
        out.write(f"sep={layout.separator}{layout.line_end}".encode() if layout.names_separator else b"")

    def write(self, row: Sequence[str], ours: Sequence[Number | str] = ()) -> None:
        """Write a row; a text that begins like a formula gets a ' before it, which a spreadsheet does not run.

        A spreadsheet of another country takes another separator, and so begins a cell within a text: it holds there,
        too.
        """
        if any(text[:1] in _SUSPECT for text in row) or self._parts.search("\0".join(row)):
            texts = [*map(self._guarded, row)]
            self.guarded += sum(before != after for before, after in zip(row, texts, strict=True))
            row = texts
        self._write([*row, *map(self._text, ours)])

    def _guarded(self, text: str) -> str:
        text = self._parts.sub(lambda found: f"{found[1]}'{found[2]}" if is_formula(found[3]) else found[0], text)
        return f"'{text}" if is_formula(text) else text

    def _text(self, value: Number | str) -> str:
        if isinstance(value, str):
            return self._guarded(value)
        text = f"{value.value:.{value.digits}f}"
        return text.replace(".", ",") if self._decimal_comma else text


class WorkbookRowWriter:
    """Rows of the only sheet of a workbook; texts stay texts, and numbers become numbers."""

    guarded = 0

    def __init__(self, sheet: Any, path: Path, *, decimal_comma: bool) -> None:
        self._sheet, self._path, self._decimal_comma, self._row = sheet, path, decimal_comma, 0
        self._widths: list[int] = []
        sheet.freeze_panes(1, 0)

    def write(self, row: Sequence[str], ours: Sequence[Number | str] = ()) -> None:
        """Write a row.

        Raises:
            FileError: A workbook cannot hold it.
        """
        if self._row == _MOST_ROWS:
            raise FileError(f"{self._path}: a workbook holds {_MOST_ROWS:,} rows.", "Give --out a name ending in .csv.")
        if len(row) + len(ours) > _MOST_COLUMNS:
            raise FileError(
                f"{self._path}: a workbook holds {_MOST_COLUMNS:,} columns, and there are {len(row) + len(ours):,}.",
                "Give --out a name ending in .csv.",
            )
        if self._row < _LOOKED_AT:
            self._look_at([*map(len, row), *map(_length, ours)])
        for place, text in enumerate(row):
            number = _exact_number(text, self._decimal_comma)
            if number is not None:
                self._sheet.write_number(self._row, place, number)
            elif len(text) > _MOST_CHARACTERS:
                raise FileError(
                    f"{self._path}: a cell of a workbook holds {_MOST_CHARACTERS:,} characters.",
                    "Give --out a name ending in .csv.",
                )
            else:
                self._sheet.write_string(self._row, place, text)
        for place, value in enumerate(ours, start=len(row)):
            if isinstance(value, str):
                self._sheet.write_string(self._row, place, value)
            else:
                self._sheet.write_number(self._row, place, round(value.value, value.digits))
        self._row += 1

    def end(self) -> None:
        """Give the columns widths that fit, after the last row."""
        for place, width in enumerate(self._widths):
            self._sheet.set_column(place, place, min(max(width, _NARROWEST), _WIDEST) + 1)

    def _look_at(self, lengths: Sequence[int]) -> None:
        self._widths = [max(pair) for pair in zip_longest(self._widths, lengths, fillvalue=0)]


@contextmanager
def row_writer(out: IO[bytes], target: Path, layout: CsvLayout, *, decimal_comma: bool) -> Iterator[RowWriter]:
    """A writer of rows to `out` in the format that the ending of `target` names.

    Args:
        out: The file.
        target: The name that the user gave to it.
        layout: The layout of a CSV.
        decimal_comma: Whether numbers have a decimal comma.
    """
    if target.suffix.lower() != ".xlsx":
        yield CsvRowWriter(out, layout, decimal_comma=decimal_comma)
        return
    from xlsxwriter import Workbook

    with tempfile.TemporaryDirectory(dir=Path(out.name).parent, prefix=".workbook-") as folder:
        book = Workbook(out, {"constant_memory": True, "tmpdir": folder, "strings_to_formulas": False})
        sheet = book.add_worksheet("Customers")
        writer = WorkbookRowWriter(sheet, target, decimal_comma=decimal_comma)
        try:
            yield writer
        except BaseException:
            sheet.row_data_fh.close()  # the file of its rows, which only closing the book would close
            raise
        writer.end()
        book.close()


def _length(value: Number | str) -> int:
    return len(value) if isinstance(value, str) else len(f"{value.value:.{value.digits}f}")


def _exact_number(text: str, decimal_comma: bool) -> float | None:
    """The number that a text is, if a workbook shows it as it is: not an identifier like 007 or 12E4."""
    plain = text.replace(",", ".") if decimal_comma else text
    number = parse_number(plain)
    if number is None or len(plain) > 15 or re.search(r"^[+]|^-?0\d|^-?\.|[eE]", plain):
        return None
    return number


def csv_writer(out: IO[bytes], separator: str, line_end: str) -> Callable[[Sequence[str]], int]:
    """Returns a function that writes a row to a file of bytes and returns their number."""
    # csv.writer quotes a line end within a value only if it is among the characters of its own.
    writer = csv.writer(_Encoded(out, line_end), delimiter=separator, lineterminator=_BOTH)
    return writer.writerow


class _Encoded:
    """A text file for csv.writer over a file of bytes; `write`, and so `writerow`, returns the number of bytes."""

    def __init__(self, out: IO[bytes], line_end: str) -> None:
        self._write: Callable[[bytes], int] = out.write
        self._line_end = line_end

    def write(self, text: str) -> int:
        """Write what csv.writer made of one row."""
        return self._write((text.removesuffix(_BOTH) + self._line_end).encode())
