"""Customers as JSON lines: one object a line, read like the rows of a table and written back as they came."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from serving.score.lists.recorded_rows import Identify
from serving.score.opened_file import FileFormat
from serving.score.row_writers import Number, RowWriter
from serving.tables.column_names import MatchedColumns, identifier_column, match_columns
from serving.tables.csv_layout import CsvLayout
from serving.tables.csv_table import CsvTable
from serving.tables.customers import CustomersFile, Spellings
from serving.tables.file_errors import FileError, RowsError
from serving.tables.file_kind import BOM
from serving.tables.missing_values import plain_identifier

_LONGEST = 1 << 16
"""How many bytes a line may have: csv, in which scored rows are kept, takes no longer field."""
_MOST_NAMES = 1000
_SHOWN = 10


@dataclass(frozen=True)
class JsonLinesTable(CsvTable):
    """A file of JSON lines; memory does not grow with it.

    The header of its layout has all names of the file, after the column of the lines themselves. A row holds its line
    and then the values of the wanted names only, so that one odd line does not widen all.

    Attributes:
        names: The names in the file of the wanted columns that were found, in the order of a row.
    """

    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, path: Path, wanted: Collection[str], *, name: str) -> Self:
        """Reads the names of all lines.

        Raises:
            FileError: The file is empty, has too many names, or a wanted one twice.
        """
        header: dict[str, None] = {}
        for _, found in _lines(path):
            if not isinstance(found, str):
                header.update(dict.fromkeys(found[1]))
            if len(header) > _MOST_NAMES:
                raise FileError(
                    f"{name}: its objects have more than {_MOST_NAMES:,} different names.",
                    "Send one customer a line, each with the same names.",
                )
        columns = match_columns([*header], wanted, name)
        given = {column: [*header][place] for column, place in columns.index.items()}
        places = {column: place for place, column in enumerate(given, start=1)}
        layout = CsvLayout(["", *header], MatchedColumns(places, columns.respelled))
        return cls(path, name, layout, tuple(given.values()))

    def later_header(self, _wanted: Collection[str]) -> int | None:
        """There is no header."""
        return None

    def rows(self) -> Iterator[tuple[int, list[str] | str]]:
        """Yields the number of each line, and its row, or what is wrong with it. Blank lines are skipped."""
        for number, found in _lines(self.path):
            if isinstance(found, str):
                yield number, found
            else:
                line, values = found
                yield number, [line, *(_text(values.get(name)) for name in self.names)]


def read_json_lines(path: Path, inputs: Mapping[str, bool], spellings: Spellings) -> CustomersFile:
    """The customers of a file of JSON lines; as `CustomersFile.of`.

    Raises:
        FileError: The file does not fit the model.
    """
    table = JsonLinesTable.of(path, inputs, name=str(path))
    lacking = [name for name in inputs if name not in table.layout.columns.index]
    if len(table.layout.header) == 1:
        if wrong := [f"line {number}: {row}" for number, row in table.rows() if isinstance(row, str)]:
            raise RowsError(str(path), len(wrong), wrong[:_SHOWN])
        raise FileError(f"{path}: there is no JSON object with a name in it.", "Send one customer a line.")
    if lacking:
        raise FileError(
            f"{path}: no object has {', '.join(lacking)}.",
            f"The model needs the names {', '.join(inputs)}, in any order, null where nothing is known.",
        )
    return CustomersFile(table, inputs, spellings)


class JsonLinesWriter:
    """Lines as they came, with more names: `rank` before the others, the rest after them."""

    guarded = 0

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._names: list[str] | None = None
        self._is_ranked = False

    def write(self, row: Sequence[str], ours: Sequence[Number | str] = ()) -> None:
        """Writes a row; the first one has the names of what is ours and is not written."""
        if self._names is None:
            self._is_ranked = row[0] != ""
            self._names = [str(name) for name in ours]
            return
        line = row[1] if self._is_ranked else row[0]
        given = line[1:-1].strip()
        first = f'"rank": {row[0]}' if self._is_ranked else ""
        last = ", ".join(f'"{name}": {_json(value)}' for name, value in zip(self._names, ours, strict=True))
        self._out.write(f"{{{', '.join(part for part in (first, given, last) if part)}}}\n".encode())


@contextmanager
def json_lines_writer(out: IO[bytes], _target: Path, _layout: CsvLayout, *, decimal_comma: bool) -> Iterator[RowWriter]:
    """A writer of JSON lines; as `row_writer`. JSON has no decimal comma."""
    del decimal_comma
    yield JsonLinesWriter(out)


JSON_LINES = FileFormat(read_json_lines, json_lines_writer)


def identifier(header: Sequence[str], without: Collection[str] = ()) -> Identify:
    """Reads the identifier from a line, as the upload of outcomes reads it.

    Args:
        header: All names of the file, after the column of the lines.
        without: Names that are left out; an identifier in one of them is, too.
    """
    names = header[1:]
    column = identifier_column(names)
    if column is None or names[column].strip() in without:
        return lambda _customer: None
    return lambda customer: plain_identifier(_text(json.loads(customer.row[0]).get(names[column])))


def _lines(path: Path) -> Iterator[tuple[int, tuple[str, dict[str, Any]] | str]]:
    """The number of each line, from 1, and its text with its object; or what is wrong with it."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_LONGEST + 1):
            number += 1
            if len(line) > _LONGEST:
                yield number, f"more than {_LONGEST:,} bytes; the rest of the file was not read"
                return
            line = line.removeprefix(BOM) if number == 1 else line
            if line.strip():
                yield number, _object(line)


def _object(line: bytes) -> tuple[str, dict[str, Any]] | str:
    try:
        text = line.decode()
        found = json.loads(text, parse_constant=_no_number)
        if not isinstance(found, dict):
            return "not a JSON object"
        json.dumps(found, ensure_ascii=False).encode()  # half of a character, written as \ud800, has no UTF-8
    except (ValueError, RecursionError) as error:
        return "not UTF-8" if isinstance(error, UnicodeError) else "not JSON, or nested too deeply"
    return text.strip(), found


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _text(value: Any) -> str:
    """A value as a CSV would have it; JSON's null and a name that is not there are missing."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json.dumps(value)


def _json(value: Number | str) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if value else "null"
    return f"{value.value:.{value.digits}f}"
