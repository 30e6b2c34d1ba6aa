"""A look at the first bytes of a file, before it is read as the customers' CSV."""

from __future__ import annotations

import csv
import re

from ml.data.features import COLUMNS
from ml.errors import DataError
from serving.tables.csv_layout import BOM

HEAD = 1 << 16
SIGNATURES = {
    b"PK\x03\x04": "a zip archive (or an Excel workbook)",
    b"PK\x05\x06": "an empty zip archive",
    b"\x1f\x8b": "a gzip file",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF",
}
OTHER_SEPARATORS = {";": "';'", "\t": "a tab", "|": "'|'"}
SHOWN_COLUMNS = 12
SHOWN_CHARACTERS = 60


def check_head(head: bytes, name: str) -> None:
    """Check that `head`, the first `HEAD` bytes of the file `name`, begins a CSV of customers.

    Validation looks for missing columns; here only a header without a single known column is refused.

    Raises:
        DataError: It begins something else; the message says what it looks like.
    """
    if not head:
        raise DataError(f"{name}: the file is empty (0 bytes).", "Obtain the file again.")
    for signature, kind in SIGNATURES.items():
        if head.startswith(signature):
            raise DataError(f"{name}: this is {kind}, not a CSV.", "Unpack or export it, and give the CSV in it.")
    marked = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if marked or b"\0" in head[:2]:
        found = "it begins with its byte order mark" if marked else "every other byte is NUL"
        raise DataError(f"{name}: this is UTF-16 ({found}), not UTF-8.", "Save the file as UTF-8.")
    text = head.removeprefix(BOM).lstrip()
    if not text:
        raise DataError(f"{name}: it holds nothing but blank lines.", "Obtain the file again.")
    if text.startswith(b"<"):
        raise DataError(
            f"{name}: this is a web page{_title(text)}, not a CSV.",
            "It is often a log-in or error page saved under the wrong name: obtain the file itself.",
        )
    if text.startswith((b"{", b"[")):
        raise DataError(f"{name}: this is JSON, not a CSV.", "It may be an error message: open it, then get the CSV.")
    _check_header(text, name)


def _check_header(text: bytes, name: str) -> None:
    line = re.split(rb"[\r\n]", text, maxsplit=1)[0]
    if len(line) >= HEAD - len(BOM):
        raise DataError(f"{name}: no line ends in the first {HEAD:,} bytes.", "A CSV begins with a line of names.")
    header = line.decode("utf-8", errors="replace")
    if _known(header, ","):
        return
    for separator, shown in OTHER_SEPARATORS.items():
        if _known(header, separator):
            raise DataError(
                f"{name}: the columns are separated by {shown}, not by ','.",
                "Save the file with ',' between columns and '.' in numbers.",
            )
    found = _columns(header, ",")
    listed = ", ".join(repr(column[:SHOWN_CHARACTERS]) for column in found[:SHOWN_COLUMNS])
    more = f" and {len(found) - SHOWN_COLUMNS} more" if len(found) > SHOWN_COLUMNS else ""
    raise DataError(
        f"{name}: wrong file: its header has none of the expected columns (found: {listed}{more}).",
        f"Expected: {', '.join(COLUMNS)}.",
    )


def _columns(header: str, separator: str) -> list[str]:
    return [column.strip() for column in next(csv.reader([header], delimiter=separator), [])]


def _known(header: str, separator: str) -> bool:
    return not set(COLUMNS).isdisjoint(_columns(header, separator))


def _title(page: bytes) -> str:
    match = re.search(rb"<title[^>]*>(.*?)</title>", page, re.IGNORECASE | re.DOTALL)
    title = " ".join(match[1].decode("utf-8", errors="replace").split())[:SHOWN_CHARACTERS] if match else ""
    return f" ({title!r})" if title else ""
