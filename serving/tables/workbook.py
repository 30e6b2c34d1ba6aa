"""Workbooks of Excel and its relatives, as rows of text; a sheet is read as a whole."""

from __future__ import annotations

import datetime as dt
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from serving.tables.column_names import count_columns, later_header, match_columns
from serving.tables.csv_layout import CsvLayout
from serving.tables.file_errors import FileError
from serving.tables.sheet_extent import most_cells

MOST_UNPACKED = 1 << 30
"""A workbook is a zip: of one that unpacks to more bytes than this, memory would not be enough."""

MOST_CELLS = 1 << 25
"""The reader makes room for each cell, used or not, between the first and the last: 32 columns of full height."""
_LOOKED_AT = 20


@dataclass(frozen=True)
class WorkbookTable:
    """The sheet of a workbook on which most of the wanted columns are found.

    Attributes:
        path: The file.
        name: What messages call it.
        layout: The layout that a CSV of it gets; its header is the first row that is not blank.
        sheet: The name of the sheet.
        sheets: How many there are.
        header_row: The row of the header, from 1.
        cells: The cells below the header.
        decimal_comma: A number that stands in the sheet as text may have a decimal comma.
    """

    path: Path
    name: str
    layout: CsvLayout
    sheet: str
    sheets: int
    header_row: int
    cells: list[list[Any]]
    decimal_comma = True

    @classmethod
    def of(cls, path: Path, wanted: Collection[str], *, name: str) -> Self:
        """Reads the workbook.

        Raises:
            FileError: It is not a workbook, or damaged, encrypted or too large; or a wanted column is there twice.
        """
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError

        _check_size(path, name)
        best: tuple[int, str, int, list[list[Any]]] | None = None
        try:
            with CalamineWorkbook.from_path(path) as workbook:
                sheets = list(workbook.sheet_names)
                for sheet in sheets:
                    cells = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
                    row = next((number for number, row in enumerate(cells) if any(map(_text, row))), None)
                    if row is None:
                        continue
                    found = count_columns([*map(_text, cells[row])], wanted)[0]
                    if best is None or found > best[0]:
                        best = found, sheet, row, cells
        except PasswordError as error:
            raise FileError(f"{name}: the workbook is protected by a password.", "Save it without one.") from error
        except (CalamineError, OSError, ValueError) as error:
            raise FileError(
                f"{name}: this is a zip archive or a damaged workbook, not a CSV ({str(error)[:120]}).",
                "Unpack or export it, and give the CSV in it.",
            ) from error
        if best is None:
            raise FileError(f"{name}: the workbook is empty.", "Obtain the file again.")
        _, sheet, row, cells = best
        header = [*map(_text, cells[row])]
        layout = CsvLayout(header, match_columns(header, wanted, name), bom=True)
        return cls(path, name, layout, sheet, len(sheets), row + 1, cells[row + 1 :])

    @property
    def notes(self) -> list[str]:
        """A sentence for each thing about the file that the user should know."""
        several = f"of its {self.sheets} sheets, {self.sheet!r} is read"
        return [*([several] if self.sheets > 1 else []), *self.layout.columns.notes]

    def later_header(self, wanted: Collection[str]) -> int | None:
        """Return the row, of the twenty below the first, that reads like the header."""
        below = enumerate(self.cells[:_LOOKED_AT], start=self.header_row + 1)
        return later_header(((number, [*map(_text, row)]) for number, row in below), wanted)

    def rows(self) -> Iterator[tuple[int, list[str] | str]]:
        """Yields the number of each row, as the sheet shows it, and its values as text. Blank rows are skipped."""
        for number, row in enumerate(self.cells, start=self.header_row + 1):
            values = [*map(_text, row)]
            if any(values):
                yield number, values


def _check_size(path: Path, name: str) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > MOST_UNPACKED:
        raise FileError(
            f"{name}: the workbook holds {size:,} bytes when unpacked; {MOST_UNPACKED:,} is the limit.",
            "Export it as CSV (UTF-8); there is no limit of that kind.",
        )
    try:
        cells = most_cells(path)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):  # the reader's to name
        return
    if cells > MOST_CELLS:
        raise FileError(
            f"{name}: a sheet reaches over {cells:,} cells, most of them empty; {MOST_CELLS:,} is the limit.",
            "Delete what stands far from the table (Ctrl+End leads to it) and save it, or export it as CSV (UTF-8).",
        )


def _text(value: Any) -> str:
    """A cell as a CSV would have it: 22 for the number 22.0, an ISO date, "" for an empty cell or one with an error."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    return str(value)
