"""A look at the first bytes of a file, before it is read as the customers' CSV."""

from __future__ import annotations

import csv
import re

from ml.data.features import COLUMNS
from ml.errors import DataError
from serving.tables.column_names import quoted_names
from serving.tables.file_errors import FileError
from serving.tables.file_kind import BOM, HEAD, file_kind


def check_head(head: bytes, name: str) -> None:
    """Check that `head`, the first `HEAD` bytes of the file `name`, begins a CSV of customers with ',' between columns.

    Validation looks for missing columns; here only a header without a single known column is refused.

    Raises:
        DataError: It begins something else; the message says what it looks like.
    """
    try:
        if file_kind(head, name) == "workbook":
            raise FileError(f"{name}: this is a workbook, not a CSV.", "Export it as CSV (UTF-8).")
    except FileError as error:
        raise DataError(error.what, error.cure) from error
    text = head.removeprefix(BOM).lstrip()
    line = re.split(rb"[\r\n]", text, maxsplit=1)[0]
    if len(line) >= HEAD - len(BOM):
        raise DataError(f"{name}: no line ends in the first {HEAD:,} bytes.", "A CSV begins with a line of names.")
    header = line.decode("utf-8", errors="replace")
    found = [column.strip() for column in next(csv.reader([header]), [])]
    if not set(COLUMNS).isdisjoint(found):
        return
    raise DataError(
        f"{name}: wrong file: its header has none of the expected columns (found: {quoted_names(found)}).",
        f"Expected: {', '.join(COLUMNS)}, with commas, semicolons, tabs or vertical bars between them.",
    )
