"""The rows of an upload of outcomes, whatever its columns are called."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from serving.gateway.outcomes.outcome_rows import OutcomesError
from serving.score.row_writers import unguarded
from serving.tables.column_names import IDENTIFIERS, match_columns, quoted_names
from serving.tables.file_errors import FileError
from serving.tables.missing_values import MISSING
from serving.tables.table import open_table

NAMED_BY = {
    "request_id": ("request_id",),
    "row": ("row",),
    "customer": IDENTIFIERS,
    "label": ("outcome", "label"),
    "date": ("outcome_date", "date"),
    "version": ("version",),
    "probability": ("probability",),
    "propensity": ("propensity",),
    "group": ("group",),
}
"""The columns that a field may have, the first that is there; letter case and what is no letter do not count."""
_ALL = tuple(name for names in NAMED_BY.values() for name in names)
_NAME = "upload"
_LONGEST_LINE = 1 << 16
Row = tuple[int, Mapping[str, str] | str]


def table_rows(path: Path) -> Iterator[Row]:
    """The rows of a CSV or a workbook, numbered as a spreadsheet shows them.

    Each has all fields of `NAMED_BY`, "" where there is nothing.

    Raises:
        OutcomesError: It is neither, or lacks a column.
    """
    try:
        table = open_table(path, _ALL, name=_NAME)
        places = _chosen(table.layout.columns.index, table.layout.header)
        for line, row in table.rows():
            yield line, row if isinstance(row, str) else _fields(places, row)
    except FileError as error:
        raise OutcomesError(str(error)) from error


def json_rows(body: bytes) -> Iterator[Row]:
    """The same for JSON lines, an object a line.

    Raises:
        OutcomesError: A line cannot be read, or no object has the names.
    """
    header: dict[str, None] = {}
    objects: list[tuple[int, dict[str, object] | str]] = []
    for number, line in enumerate(body.splitlines(), start=1):
        if line.strip():
            found = _object(line)
            objects.append((number, found))
            header.update({} if isinstance(found, str) else dict.fromkeys(found))
    names = [*header]
    try:
        places = _chosen(match_columns(names, _ALL, _NAME).index, names) if names else {}
    except FileError as error:
        raise OutcomesError(str(error)) from error
    for number, given in objects:
        if isinstance(given, str):
            yield number, given
        else:
            yield number, _fields(places, [_text(given.get(name)) for name in names])


def _chosen(index: Mapping[str, int], header: Sequence[str]) -> dict[str, int]:
    if not any(name.strip() for name in header):
        raise OutcomesError("The upload is empty.")
    places = {
        name: next(index[column] for column in columns if column in index)
        for name, columns in NAMED_BY.items()
        if any(column in index for column in columns)
    }
    if "probability" in places and "outcome" not in index:
        raise OutcomesError(
            "This is a list as it was scored: its label is what the model said. Add a column outcome, with what came "
            "of each customer, and a column outcome_date."
        )
    _check_there(places, ("label",), "outcome (or label)", header)
    _check_there(places, ("date",), "outcome_date (or date)", header)
    _check_there(places, ("customer", "row"), "customer, or request_id and row", header)
    return places


def _check_there(places: Collection[str], names: Sequence[str], called: str, header: Sequence[str]) -> None:
    if not any(name in places for name in names):
        raise OutcomesError(f"The upload lacks a column {called}; it has {quoted_names(header)}.")


def _fields(places: Mapping[str, int], row: Sequence[str]) -> dict[str, str]:
    texts = {name: unguarded(row[place].strip()) for name, place in places.items()}
    return {name: "" if (text := texts.get(name, "")) in MISSING else text for name in NAMED_BY}


def _object(line: bytes) -> dict[str, object] | str:
    if len(line) > _LONGEST_LINE:
        return f"it has more than {_LONGEST_LINE:,} bytes"
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return "it is not JSON"
    return found if isinstance(found, dict) else "it is not a JSON object"


def _text(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json.dumps(value)
