"""The rows of a CSV file of customers: as the model takes them, and what is wrong with them, by line."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from serving.tables.csv_layout import CsvLayout, FileError, has_invalid_utf8, open_text
from serving.tables.missing_values import MISSING

_SHOWN = 10


class RowsError(FileError):
    """Rows of a file cannot be scored; the message lists the first of them.

    Attributes:
        count: The number of those rows.
    """

    def __init__(self, path: Path, count: int, shown: list[str]) -> None:
        self.count = count
        more = f"\n  and {count - len(shown)} more" if count > len(shown) else ""
        rows = "1 row" if count == 1 else f"{count:,} rows"
        super().__init__(f"{path}: {rows} cannot be scored; nothing was written.\n  " + "\n  ".join(shown) + more)


@dataclass(frozen=True)
class Customer:
    """One row of a file.

    Attributes:
        line: The line on which it begins, from 1.
        row: Its values as they are in the file.
        instance: The row as the model takes it, input name to value.
    """

    line: int
    row: list[str]
    instance: Mapping[str, object]


@dataclass(frozen=True)
class CustomersFile:
    """A file with a column for each input of a model.

    Attributes:
        path: The file.
        layout: The layout of the file.
        inputs: The name of each input of the model, and whether it is a number (else text).
    """

    path: Path
    layout: CsvLayout
    inputs: Mapping[str, bool]

    @classmethod
    def of(cls, path: Path, inputs: Mapping[str, bool]) -> Self:
        """Reads the header of a file.

        Raises:
            FileError: The header does not fit the model.
        """
        return cls(path, CsvLayout.of(path, inputs), inputs)

    def check(self) -> int:
        """Reads every row and returns the number of customers.

        Raises:
            RowsError: Some rows cannot be scored; up to ten are named by line.
            FileError: There are no customers.
        """
        rows, count = 0, 0
        shown: list[str] = []
        for found in self._rows():
            if isinstance(found, Customer):
                rows += 1
            else:
                count += 1
                if len(shown) < _SHOWN:
                    shown.append(found)
        if count:
            raise RowsError(self.path, count, shown)
        if not rows:
            raise FileError(f"{self.path}: there is a header, but there are no customers.")
        return rows

    def chunks(self, size: int) -> Iterator[list[Customer]]:
        """All customers of a file that `check` has accepted, `size` at a time.

        Raises:
            FileError: The file has changed since.
        """
        chunk: list[Customer] = []
        for found in self._rows():
            if not isinstance(found, Customer):
                raise FileError(f"{self.path} changed while it was scored: {found}. Start again.")
            chunk.append(found)
            if len(chunk) == size:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _rows(self) -> Iterator[Customer | str]:
        """The customers, and a sentence for each row that cannot be scored. Blank lines are skipped."""
        names = self.layout.names
        columns = [(name, names.index(name), is_number) for name, is_number in self.inputs.items()]
        with open_text(self.path) as file:
            reader = csv.reader(file, delimiter=self.layout.separator, strict=True)
            next(reader, None)
            line = reader.line_num + 1
            while True:
                try:
                    row = next(reader, None)
                except csv.Error as error:
                    yield f"line {line}: {error}; the rest of the file was not read"
                    return
                if row is None:
                    return
                if row:
                    yield self._customer(line, row, columns)
                line = reader.line_num + 1

    def _customer(self, line: int, row: list[str], columns: list[tuple[str, int, bool]]) -> Customer | str:
        if len(row) != len(self.layout.header):
            return f"line {line}: {len(row)} values instead of {len(self.layout.header)}"
        instance: dict[str, object] = {}
        for name, column, is_number in columns:
            text = row[column].strip()
            if text in MISSING:
                # JSON null is an error in TensorFlow Serving: missing is "" or NaN.
                instance[name] = math.nan if is_number else ""
            elif not is_number:
                instance[name] = text
            elif (number := _number(text)) is not None:
                instance[name] = number
            else:
                return f"line {line}: {name} is {text[:40]!r}, not a number"
        if any(has_invalid_utf8(value) for value in row):
            return f"line {line}: a byte that is not UTF-8"
        return Customer(line, row, instance)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None
