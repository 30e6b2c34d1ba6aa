"""A file of customers in any form that scoring reads too, as the plain CSV that the steps work on."""

from __future__ import annotations

import csv
import logging
import re
from pathlib import Path

from ml.data.csv_sniffer import check_head
from ml.data.features import COLUMNS, ID, NUMERIC
from ml.errors import DataError
from serving.tables.column_names import quoted_names
from serving.tables.csv_table import CsvTable
from serving.tables.file_errors import FileError
from serving.tables.file_kind import HEAD
from serving.tables.number_text import parse_number
from serving.tables.table import Table, open_table

log = logging.getLogger("ml.data.ingest")
_SHOWN = 3
_LINE_END = re.compile(r"\r\n|\r|\n")


def as_plain_csv(source: Path, written: Path, *, name: str) -> Path:
    """Return `source` if it is a CSV with ',' and the columns' own names, else `written`, after writing such a CSV.

    A workbook, other separators, decimal commas and other spellings of the header are put right. A file that no rule
    fits is returned as it is: the check that follows says what is wrong with it.

    Args:
        source: The file as it was obtained.
        written: Where the CSV goes if one must be made.
        name: What messages call the file.

    Raises:
        DataError: It is a workbook that cannot be read, or its rows have another number of values than its header.
    """
    try:
        table = open_table(source, COLUMNS, name=name)
    except FileError as error:
        if _looks_plain(source, name):
            return source
        raise DataError(error.what, error.cure) from error
    layout = table.layout
    if not layout.columns.index and (below := table.later_header(COLUMNS)):
        raise DataError(
            f"{name}: line {below} is the header, and other lines stand before it.", "Delete those, and try again."
        )
    if isinstance(table, CsvTable) and layout.separator == "," and not layout.names_separator:
        if not layout.columns.respelled:
            return source
    elif not layout.columns.index:
        if isinstance(table, CsvTable):
            return source
        raise DataError(
            f"{name}: wrong file: its header has none of the expected columns (found: {quoted_names(layout.header)}).",
            f"Expected: {', '.join(COLUMNS)}.",
        )
    for note in table.notes:
        log.info("%s: %s", name, note)
    try:
        _write(table, written, name)
    except FileError as error:
        raise DataError(error.what, error.cure) from error
    return written


def _looks_plain(source: Path, name: str) -> bool:
    try:
        with source.open("rb") as file:
            check_head(file.read(HEAD), name)
    except DataError:
        return False
    return True


def _lines(row: list[str]) -> int:
    return 1 + sum(len(_LINE_END.findall(value)) for value in row)


def _write(table: Table, written: Path, name: str) -> None:
    header = list(table.layout.header)
    for column, place in table.layout.columns.index.items():
        header[place] = column
    numbers = [place for column, place in table.layout.columns.index.items() if column in (ID, *NUMERIC)]
    wrong: list[str] = []
    with written.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        at = 1 + _lines(header)
        for line, row in table.rows():
            # Blank lines keep every row on its own line, since later messages name the lines of this file.
            file.write("\n" * (line - at))
            if isinstance(row, str):
                wrong.append(f"line {line}: {row}")
                continue
            for place in numbers:
                text = row[place].strip()
                if "," in text and table.decimal_comma and parse_number(text, decimal_comma=True) is not None:
                    row[place] = text.replace(",", ".")
            writer.writerow(row)
            at = max(line, at) + _lines(row)
    if wrong:
        shown = "; ".join(wrong[:_SHOWN])
        raise DataError(f"{name}: {len(wrong)} broken rows: {shown}.", "Export it again; quote separators in values.")
