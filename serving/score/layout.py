"""How a CSV of customers is laid out: its columns, what separates them, how lines end."""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_SEPARATORS = (",", ";", "\t")
BOM = b"\xef\xbb\xbf"


class FileError(Exception):
    """The file cannot be scored; the message names it and says what to change."""


@dataclass(frozen=True)
class Layout:
    """Of a file whose header has all columns that are needed; what is written has the same.

    Attributes:
        header: the column names as they stand there.
        separator: what stands between columns.
        line_end: what ends a line.
        bom: whether it begins with a byte order mark, by which Excel knows UTF-8.
    """

    header: list[str]
    separator: str
    line_end: str
    bom: bool

    @classmethod
    def of(cls, path: Path, needed: Collection[str]) -> Self:
        """Reads the first line of a file; the separator is the one by which most of the needed columns are found.

        Raises:
            FileError: it cannot be read, or a needed column is not there once.
        """
        try:
            with path.open("rb") as file:
                head = file.readline(1 << 20)
        except OSError as error:
            raise FileError(f"{path}: cannot be read ({error.strerror}).") from error
        text = head.removeprefix(BOM).decode("utf-8", "replace")
        headers = {separator: next(csv.reader([text], delimiter=separator), []) for separator in _SEPARATORS}
        found = {
            separator: [name.strip() for name in header if name.strip() in needed]
            for separator, header in headers.items()
        }
        separator = max(_SEPARATORS, key=lambda separator: len(set(found[separator])))
        lacking = [name for name in needed if name not in found[separator]]
        if lacking:
            raise FileError(
                f"{path}: its first line lacks {', '.join(lacking)}. The model needs the columns "
                f"{', '.join(needed)}, in any order; the file must be a CSV in UTF-8."
            )
        twice = sorted(name for name in needed if found[separator].count(name) > 1)
        if twice:
            raise FileError(f"{path}: column {twice[0]!r} stands in the header twice. Rename or drop one.")
        line_end = "\r\n" if head.endswith(b"\r\n") else "\n"
        return cls(headers[separator], separator, line_end, head.startswith(BOM))

    @property
    def names(self) -> list[str]:
        """The column names without the blanks around them."""
        return [name.strip() for name in self.header]
