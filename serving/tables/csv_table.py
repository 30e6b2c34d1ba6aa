"""The rows of a CSV file, by line."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from serving.tables.column_names import later_header
from serving.tables.csv_layout import SEPARATORS, CsvLayout, has_invalid_utf8, not_utf8, open_text, read_header

_LOOKED_AT = 20
_LONGEST = 1 << 16


@dataclass(frozen=True)
class CsvTable:
    """A CSV file; memory does not grow with it.

    Attributes:
        path: The file.
        name: What messages call it.
        layout: Its layout.
    """

    path: Path
    name: str
    layout: CsvLayout

    @classmethod
    def of(cls, path: Path, wanted: Collection[str], *, name: str) -> Self:
        """Reads the header.

        Raises:
            FileError: The header is not one of a CSV.
        """
        return cls(path, name, CsvLayout.of(path, wanted, name=name))

    @property
    def decimal_comma(self) -> bool:
        """Whether a comma within a number can only be its decimal point."""
        return self.layout.separator != ","

    @property
    def notes(self) -> list[str]:
        """A sentence for each thing about the file that the user should know."""
        return self.layout.notes

    def later_header(self, wanted: Collection[str]) -> int | None:
        """Return the line, of the first twenty, that reads like the header although another line is before it."""
        with open_text(self.path) as file:
            lines = [file.readline(_LONGEST) for _ in range(_LOOKED_AT)]
        return later_header(
            ((number, line.split(separator)) for number, line in enumerate(lines, 1) for separator in SEPARATORS),
            wanted,
        )

    def rows(self) -> Iterator[tuple[int, list[str] | str]]:
        """Yields the line on which each row begins, and its values, or what is wrong with it. Blank lines are skipped.

        Raises:
            FileError: The file is not UTF-8.
        """
        width = len(self.layout.header)
        with open_text(self.path) as file:
            reader = csv.reader(file, delimiter=self.layout.separator, strict=True)
            read_header(reader, after_sep_line=self.layout.names_separator)
            line = reader.line_num + 1
            while True:
                try:
                    row = next(reader, None)
                except csv.Error as error:
                    yield line, f"{error}; the rest of the file was not read"
                    return
                if row is None:
                    return
                if row:
                    if any(has_invalid_utf8(value) for value in row):
                        raise not_utf8(self.path, self.name)
                    if any("\0" in value for value in row):
                        yield line, "a NUL character, which no text has: the file is damaged"
                    else:
                        yield line, row if len(row) == width else f"{len(row)} values instead of {width}"
                line = reader.line_num + 1
