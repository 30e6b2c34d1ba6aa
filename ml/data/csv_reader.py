"""Reading the CSV: every column as text first, so that bad values can be counted and shown instead of crashing."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from ml.data.features import COLUMNS, ID, NUMERIC
from ml.data.file_lines import SHOWN_LINES, broken_lines
from ml.errors import DataError
from serving.tables.missing_values import MISSING

MAX_VALUE_BYTES = 256
BLOCK_BYTES = 8 << 20
_MISSING = pa.array(sorted(MISSING))
NUMBER_COLUMNS = (ID, *NUMERIC)
ArrowColumns = Mapping[str, pa.Array]
"""A whole data set in Arrow arrays, one for each column, by its name."""


def header(path: Path, *, name: str = "") -> tuple[list[str], int]:
    """Return the column names, and the number of lines up to the end of the header. `name` is the user's for the file.

    Raises:
        DataError: A name occurs twice.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        names = next((found for line in reader if any(found := [name.strip() for name in line])), [])
        lines = reader.line_num
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{name or path.name}: column {twice[0]!r} stands in the header twice.", "Rename or drop one.")
    return names, lines


def read_batches(path: Path, *, name: str = "") -> Iterator[pa.RecordBatch]:
    """Yield the rows as record batches of about 8 MB of text, all columns string, trimmed, null where missing.

    `name` is what messages call the file; by default it is the name of `path`.

    Raises:
        DataError: A row has another number of fields than the header, a value that we use is longer than
            `MAX_VALUE_BYTES`, or the text cannot be parsed.
    """
    file = name or path.name
    names, header_lines = header(path, name=file)
    ragged: list[str] = []

    def note(row: arrow_csv.InvalidRow) -> str:
        ragged.append(f"{row.actual_columns} fields instead of {row.expected_columns} in {row.text[:80]!r}")
        return "skip"

    try:
        reader = arrow_csv.open_csv(
            path,
            read_options=arrow_csv.ReadOptions(block_size=BLOCK_BYTES, column_names=names, skip_rows=header_lines),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=sorted(MISSING),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
        for batch in reader:
            _check_lengths(batch, file)
            yield pa.RecordBatch.from_arrays([_trimmed(column) for column in batch.columns], names=names)
    except pa.ArrowInvalid as error:
        raise DataError(f"{file}: cannot be parsed as CSV: {error}.", "Export it again as UTF-8 CSV.") from error
    if ragged:
        lines = [f"line {line}: " for line in broken_lines(path)]
        shown = "; ".join(f"{line}{what}" for line, what in zip_longest(lines, ragged[:SHOWN_LINES], fillvalue=""))
        raise DataError(f"{file}: {len(ragged)} broken rows: {shown}.", "Export it again; quote commas in values.")


def read_columns(csv: Path, *, name: str = "") -> ArrowColumns:
    """Read all columns: float64 for the numeric ones that hold nothing but numbers, else string; null where missing.

    Identifiers are int64 if they can be, since a float64 holds no more than 15 digits exactly.
    """
    rows = pa.Table.from_batches(list(read_batches(csv, name=name)))
    columns = {}
    for name in rows.column_names:
        text = pa.concat_arrays(rows[name].chunks)
        is_number = name in NUMBER_COLUMNS and not pc.any(non_numeric(text)).as_py()
        columns[name] = parse_numbers(text) if is_number else text
        if name == ID and is_number:
            with contextlib.suppress(pa.ArrowInvalid):
                columns[name] = pc.cast(text, pa.int64())
    return columns


def count_rows(columns: ArrowColumns) -> int:
    """Return the number of customers."""
    return len(next(iter(columns.values()), ()))


def _trimmed(column: pa.Array) -> pa.Array:
    """Strip white space around values; what is then empty, or written like a missing value, becomes null."""
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.is_in(trimmed, value_set=_MISSING), None, trimmed)


def _check_lengths(batch: pa.RecordBatch, file: str) -> None:
    """Refuse values of megabytes, which would be copied for every row of a batch."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        longest = pc.max(pc.binary_length(column)).as_py() if name in COLUMNS else None
        if longest is not None and longest > MAX_VALUE_BYTES:
            raise DataError(
                f"{file}: column {name!r} has a value of {longest:,} bytes; {MAX_VALUE_BYTES} is the limit.",
                "Perhaps a quote before it is not closed: correct the file.",
            )


def parse_numbers(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return a text column as float64; what is not a number becomes null (`non_numeric` finds it)."""
    try:
        return pc.cast(column, pa.float64())
    except pa.ArrowInvalid:
        return pc.cast(pc.if_else(non_numeric(column), None, column), pa.float64())


def non_numeric(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return a boolean column: true where there is text that is not a number, false where it is one or is missing."""
    bad = pa.array([value for value in pc.unique(column).to_pylist() if not _is_number(value)], pa.string())
    return pc.is_in(column, value_set=bad, skip_nulls=True)


def _is_number(value: str | None) -> bool:
    try:
        return value is None or pc.cast(pa.scalar(value), pa.float64()) is not None
    except pa.ArrowInvalid:
        return False
