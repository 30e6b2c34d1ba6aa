"""Reading the CSV: every column as text first, so that bad values can be counted and shown instead of crashing."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from ml.errors import DataError
from ml.features import ID, NUMERIC

MISSING = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None"]
BLOCK_BYTES = 8 << 20
NUMBER_COLUMNS = (ID, *NUMERIC)


def header(path: Path) -> list[str]:
    """The column names; a `DataError` when one stands there twice."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        names = [name.strip() for name in next(csv.reader(file), [])]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{path.name}: column {twice[0]!r} stands in the header twice.", "Rename or drop one.")
    return names


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    """The rows as record batches of about 8 MB of text, all columns string, trimmed, null where missing.

    Raises:
        DataError: A row has another number of fields than the header, or the text cannot be parsed.
    """
    names = header(path)
    ragged: list[str] = []

    def note(row: arrow_csv.InvalidRow) -> str:
        ragged.append(f"{row.actual_columns} fields instead of {row.expected_columns} in {row.text[:80]!r}")
        return "skip"

    try:
        reader = arrow_csv.open_csv(
            path,
            read_options=arrow_csv.ReadOptions(block_size=BLOCK_BYTES, column_names=names, skip_rows=1),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=MISSING,
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
        for batch in reader:
            trimmed = [pc.utf8_trim_whitespace(column) for column in batch.columns]
            yield pa.RecordBatch.from_arrays(trimmed, names=names)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path.name}: cannot be parsed as CSV: {error}.", "Export it again as UTF-8 CSV.") from error
    if ragged:
        shown = "; ".join(ragged[:3])
        raise DataError(f"{path.name}: {len(ragged)} broken rows: {shown}.", "Export it again; quote commas in values.")


def numbers(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The text column as float64; what is not a number becomes null (`not_numbers` finds it)."""
    try:
        return pc.cast(column, pa.float64())
    except pa.ArrowInvalid:
        return pc.cast(pc.if_else(not_numbers(column), None, column), pa.float64())


def not_numbers(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """True where there is text that is not a number; false where it is one or missing."""
    bad = pa.array([value for value in pc.unique(column).to_pylist() if not _is_number(value)], pa.string())
    return pc.is_in(column, value_set=bad, skip_nulls=True)


def _is_number(value: str | None) -> bool:
    try:
        return value is None or pc.cast(pa.scalar(value), pa.float64()) is not None
    except pa.ArrowInvalid:
        return False
