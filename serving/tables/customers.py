"""The customers in a file: each row as the model takes it, and what is wrong with others, by line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from serving.tables.category_spelling import ASCII_BLANKS, fold
from serving.tables.column_names import quoted_names
from serving.tables.file_errors import FileError, RowsError
from serving.tables.missing_values import MISSING
from serving.tables.number_text import parse_number
from serving.tables.table import Table, open_table

_SHOWN = 10
_REMEMBERED = 5000
_LONGEST_REMEMBERED = 100
Instance = Mapping[str, object]
Spellings = Mapping[str, Mapping[str, str]]
"""For each column of categories, by its name: the known categories by their folded form (`category_spelling`)."""


@dataclass(frozen=True)
class Customer:
    """One row of a file.

    Attributes:
        line: The line on which it begins, from 1.
        row: Its values as they are in the file.
        instance: The row as the model takes it, input name to value; None when it has no value for any input: a total,
            or commas that a spreadsheet left.
    """

    line: int
    row: list[str]
    instance: Instance | None


@dataclass(frozen=True)
class CustomersFile:
    """A file with a column for each input of a model.

    Attributes:
        table: The file.
        inputs: The name of each input of the model, and whether it is a number (else text).
        spellings: The known categories, to which values that differ only by ASCII case and blanks are put right.
    """

    table: Table
    inputs: Mapping[str, bool]
    spellings: Spellings = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path, inputs: Mapping[str, bool], spellings: Spellings | None = None) -> Self:
        """Reads the header of a file.

        Raises:
            FileError: The file cannot be read, or its header does not fit the model.
        """
        table = open_table(path, inputs, name=str(path))
        lacking = [name for name in inputs if name not in table.layout.columns.index]
        if lacking:
            if not table.layout.columns.index and (below := table.later_header(inputs)):
                raise FileError(
                    f"{path}: line {below} is the header, and other lines stand before it.",
                    "Delete those, and try again.",
                )
            raise FileError(
                f"{path}: the first line lacks {', '.join(lacking)}; it has {quoted_names(table.layout.header)}.",
                f"The model needs the columns {', '.join(inputs)}, in any order; the file must be a workbook, or a CSV "
                "in UTF-8 with commas, semicolons, tabs or vertical bars between the columns.",
            )
        return cls(table, inputs, spellings or {})

    def check(self, observe: Callable[[Customer], None] = lambda _: None) -> int:
        """Reads every row, shows each customer to `observe`, and returns how many rows there are.

        Raises:
            RowsError: Some rows cannot be scored; up to ten are named by line.
            FileError: The file is not UTF-8, or there are no customers.
        """
        rows, customers, count = 0, 0, 0
        shown: list[str] = []
        for found in self._customers():
            if isinstance(found, Customer):
                observe(found)
                rows += 1
                customers += found.instance is not None
            else:
                count += 1
                if len(shown) < _SHOWN:
                    shown.append(found)
        if count:
            raise RowsError(self.table.name, count, shown)
        if not customers:
            raise FileError(f"{self.table.name}: there is a header, but there are no customers.")
        return rows

    def chunks(self, size: int) -> Iterator[list[Customer]]:
        """All rows of a file that `check` has accepted, `size` at a time.

        Raises:
            FileError: The file has changed since.
        """
        chunk: list[Customer] = []
        for found in self._customers():
            if not isinstance(found, Customer):
                raise FileError(f"{self.table.name} changed while it was scored: {found}. Start again.")
            chunk.append(found)
            if len(chunk) == size:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _customers(self) -> Iterator[Customer | str]:
        """The customers, and a sentence for each row that cannot be scored."""
        places = [(name, self.table.layout.columns.index[name], _Values(self, name)) for name in self.inputs]
        for line, row in self.table.rows():
            if isinstance(row, str):
                yield f"line {line}: {row}"
                continue
            instance: dict[str, object] = {}
            wrong, is_empty = "", True
            for name, place, values in places:
                value, is_missing = values.of(row[place])
                is_empty &= is_missing
                instance[name] = value
                if value is None:
                    wrong = wrong or f"line {line}: {name} is {row[place].strip()[:40]!r}, not a number"
            yield wrong or Customer(line, row, None if is_empty else instance)


class _Values:
    """The values that the texts of a column stand for. Most texts come again, so some thousands are remembered."""

    def __init__(self, file: CustomersFile, name: str) -> None:
        self._is_number, self._known = file.inputs[name], file.spellings.get(name, {})
        self._decimal_comma = file.table.decimal_comma
        self._remembered: dict[str, tuple[str | float | None, bool]] = {}

    def of(self, given: str) -> tuple[str | float | None, bool]:
        """Return the value, None where it should be a number and is not; and whether it is missing."""
        found = self._remembered.get(given)
        if found is None:
            found = self._value(given)
            if len(self._remembered) < _REMEMBERED and len(given) <= _LONGEST_REMEMBERED:
                self._remembered[given] = found
        return found

    def _value(self, given: str) -> tuple[str | float | None, bool]:
        text = given.strip()
        if text in MISSING:
            # JSON null is an error in TensorFlow Serving: missing is "" or NaN.
            return (math.nan if self._is_number else ""), True
        if self._is_number:
            return parse_number(text, decimal_comma=self._decimal_comma), False
        return self._known.get(fold(given)) or given.strip(ASCII_BLANKS), False
