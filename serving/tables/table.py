"""A file of customers, whatever program wrote it: the one reader of training and scoring."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from serving.tables.csv_layout import check_regular
from serving.tables.csv_table import CsvTable
from serving.tables.file_errors import FileError
from serving.tables.file_kind import HEAD, file_kind
from serving.tables.workbook import WorkbookTable

Table = CsvTable | WorkbookTable


def open_table(path: Path, wanted: Collection[str], *, name: str) -> Table:
    """Opens a CSV (UTF-8; columns between `,`, `;`, tabs or `|`) or a workbook, and finds the wanted columns.

    Args:
        path: The file.
        wanted: The columns to find; those that are missing are simply not among `layout.columns`.
        name: What messages call the file.

    Raises:
        FileError: It is neither; or a wanted column is there twice.
    """
    check_regular(path, name)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
        kind = WorkbookTable if file_kind(head, name) == "workbook" else CsvTable
        return kind.of(path, wanted, name=name)
    except OSError as error:
        raise FileError(f"{name}: cannot be read ({error.strerror}).") from error
