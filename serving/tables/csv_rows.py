"""The rows of a CSV of customers: as the model takes them, and what is wrong with them, by line."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from serving.tables.csv_layout import FileError, Layout, damaged, opened
from serving.tables.missing_values import MISSING

_SHOWN = 10


class RowsError(FileError):
    """Rows of the file cannot be scored.

    Attributes:
        count: How many.
    """

    def __init__(self, path: Path, count: int, shown: list[str]) -> None:
        self.count = count
        more = f"\n  and {count - len(shown)} more" if count > len(shown) else ""
        rows = "1 row" if count == 1 else f"{count:,} rows"
        super().__init__(f"{path}: {rows} cannot be scored; nothing was written.\n  " + "\n  ".join(shown) + more)


@dataclass(frozen=True)
class Customer:
    """A row as it stands in the file, where it begins (from 1), and as the model takes it."""

    line: int
    row: list[str]
    instance: Mapping[str, object]


@dataclass(frozen=True)
class CustomersFile:
    """A file with all inputs of the model.

    Attributes:
        path: The file.
        layout: Its own.
        inputs: Name of each input of the model, and whether it is a number (else text).
    """

    path: Path
    layout: Layout
    inputs: Mapping[str, bool]

    @classmethod
    def of(cls, path: Path, inputs: Mapping[str, bool]) -> Self:
        """Looks at the header; raises a `FileError` when it does not fit the model."""
        return cls(path, Layout.of(path, inputs), inputs)

    def check(self) -> int:
        """How many customers there are, after a look at every one.

        Raises:
            RowsError: Some cannot be scored; up to ten are named by line.
            FileError: There is no customer.
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
            raise FileError(f"{self.path}: a header and no customers.")
        return rows

    def chunks(self, size: int) -> Iterator[list[Customer]]:
        """All customers, `size` at a time, after `check`."""
        chunk: list[Customer] = []
        for found in self._rows():
            if not isinstance(found, Customer):
                raise FileError(f"{self.path}: it changed while it was scored: {found}. Start again.")
            chunk.append(found)
            if len(chunk) == size:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _rows(self) -> Iterator[Customer | str]:
        """Customers, and sentences about rows that are none. Blank lines are passed over."""
        names = self.layout.names
        places = [(name, names.index(name), is_number) for name, is_number in self.inputs.items()]
        with opened(self.path) as file:
            reader = csv.reader(file, delimiter=self.layout.separator, strict=True)
            next(reader, None)
            line = reader.line_num + 1
            while True:
                try:
                    row = next(reader, None)
                except csv.Error as error:
                    yield f"line {line}: {error}; what follows was not looked at"
                    return
                if row is None:
                    return
                if row:
                    yield self._customer(line, row, places)
                line = reader.line_num + 1

    def _customer(self, line: int, row: list[str], places: list[tuple[str, int, bool]]) -> Customer | str:
        if len(row) != len(self.layout.header):
            return f"line {line}: {len(row)} values instead of {len(self.layout.header)}"
        instance: dict[str, object] = {}
        for name, place, is_number in places:
            text = row[place].strip()
            if text in MISSING:
                # JSON null is an error in TensorFlow Serving: missing is "" or NaN.
                instance[name] = math.nan if is_number else ""
            elif not is_number:
                instance[name] = text
            elif (number := _number(text)) is not None:
                instance[name] = number
            else:
                return f"line {line}: {name} is {text[:40]!r}, not a number"
        if any(damaged(value) for value in row):
            return f"line {line}: a byte that is no UTF-8"
        return Customer(line, row, instance)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None
