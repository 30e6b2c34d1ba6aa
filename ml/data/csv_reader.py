"""Reading the CSV: every column as text first, so that bad values can be counted and shown instead of crashing."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import zip_longest
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from ml.data.features import COLUMNS, ID, NUMERIC
from ml.data.file_lines import SHOWN_LINES, broken_lines, lines_with, long_lines
from ml.data.put_right import PutRight, meant_values, plain, with_features
from ml.data.schema import Schema, seed_schema
from ml.data.shards.manifest import in_shard, placed
from ml.errors import DataError
from serving.tables.missing_values import MISSING
from serving.tables.number_text import parse_number

MAX_VALUE_BYTES = 256
BLOCK_BYTES = 8 << 20
_ENCODED = pa.dictionary(pa.int32(), pa.string())
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
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise DataError(f"{name or path.name}: column {twice[0]!r} stands in the header twice.", "Rename or drop one.")
    return names, lines


def read_batches(
    path: Path, put_right: PutRight | None = None, *, name: str = "", schema: Schema | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows as record batches of about 8 MB of text, all columns string, trimmed, null where missing.

    For the rest, see `read_encoded`.
    """
    for batch in read_encoded(path, put_right, name=name, schema=schema):
        yield pa.RecordBatch.from_arrays([plain(column) for column in batch.columns], names=batch.schema.names)


def read_encoded(
    path: Path, put_right: PutRight | None = None, *, name: str = "", schema: Schema | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the same rows with each column dictionary-encoded, but for the identifiers, most of which occur once.

    A dictionary has no value twice, and the values in the order in which they first occur in the batch: what has to be
    done to a text is done once for each distinct one. Arrow encodes while it parses.

    A category that differs from one of the schema by ASCII letter case or ASCII blanks is that one. Rows without any
    feature and columns without a name are left out. What that was is added to `put_right`. `name` is
    what messages call the file; by default it is the name of `path`. `schema` is the one of the run; outside of a run
    it is git's.

    Raises:
        DataError: A row has another number of fields than the header, a value that we use is longer than
            `MAX_VALUE_BYTES`, or the text cannot be parsed.
    """
    file = name or path.name
    found = PutRight() if put_right is None else put_right
    known = (schema or seed_schema()).spellings
    names, header_lines = header(path, name=file)
    places = {name: f"{place} {name}" for place, name in enumerate(names) if name}  # unique, as Arrow wants them
    ragged: list[str] = []
    broken = 0

    def note(row: arrow_csv.InvalidRow) -> str:
        nonlocal broken
        broken += 1
        if len(ragged) < SHOWN_LINES:
            ragged.append(f"{row.actual_columns} fields instead of {row.expected_columns} in {row.text[:80]!r}")
        return "skip"

    try:
        reader = arrow_csv.open_csv(
            path,
            read_options=arrow_csv.ReadOptions(
                block_size=BLOCK_BYTES,
                column_names=[f"{place} {name}" for place, name in enumerate(names)],
                skip_rows=header_lines,
            ),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            convert_options=arrow_csv.ConvertOptions(
                column_types={place: pa.string() if name == ID else _ENCODED for name, place in places.items()},
                include_columns=list(places.values()),
                null_values=sorted(MISSING),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
        for batch in reader:
            named = pa.RecordBatch.from_arrays(batch.columns, names=list(places))
            _check_lengths(named, path, file)
            columns = {column: meant_values(named[column], column, known.get(column), found) for column in places}
            yield with_features(pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns)), found)
    except pa.ArrowInvalid as error:
        if "straddling" in str(error):  # Arrow has no error of its own for this
            where = in_shard(path, partial(long_lines, path, BLOCK_BYTES))
            raise DataError(
                f"{file}: {where}a row of more than {BLOCK_BYTES:,} bytes.",
                "Perhaps a quote is not closed, or the lines have lost their ends: correct the file.",
            ) from error
        raise DataError(f"{file}: cannot be parsed as CSV: {error}.", "Export it again as UTF-8 CSV.") from error
    if broken:
        lines = [f"{placed(path, [line])}: " for line in broken_lines(path)]
        shown = "; ".join(f"{line}{what}" for line, what in zip_longest(lines, ragged, fillvalue=""))
        raise DataError(f"{file}: {broken} broken rows: {shown}.", "Export it again; quote commas in values.")


def read_columns(
    csv: Path,
    put_right: PutRight | None = None,
    *,
    name: str = "",
    schema: Schema | None = None,
    every: int = 1,
) -> ArrowColumns:
    """Read all columns: float64 for the numeric ones that hold nothing but numbers, else string; null where missing.

    Identifiers are int64 if they can be, since a float64 holds no more than 15 digits exactly. Of the rows the first
    one is read and `every` n-th after it. For the rest, see `read_batches`.
    """
    chunks: dict[str, list[pa.Array]] = {}
    first = 0
    for batch in read_encoded(csv, put_right, name=name, schema=schema):
        chosen = batch if every == 1 else batch.take(pa.array(range(first, batch.num_rows, every), pa.int64()))
        first = (first - batch.num_rows) % every
        for column in batch.schema.names:
            chunks.setdefault(column, []).append(chosen[column])
    # Each column's chunks go before the next one is made, so that no more than one is in memory twice.
    return {column: _whole(column, chunks.pop(column)) for column in list(chunks)}


def _whole(name: str, chunks: list[pa.Array]) -> pa.Array:
    """Return a column of `read_columns` made of its encoded chunks."""
    if name not in NUMBER_COLUMNS:
        return pa.concat_arrays([plain(chunk) for chunk in chunks])
    if name != ID:
        if any(pc.any(non_numeric(chunk.dictionary)).as_py() for chunk in chunks):
            return pa.concat_arrays([plain(chunk) for chunk in chunks])
        return pa.concat_arrays([parse_numbers(chunk.dictionary).take(chunk.indices) for chunk in chunks])
    text = pa.concat_arrays(chunks)
    if pc.any(non_numeric(text)).as_py():
        return text
    with contextlib.suppress(pa.ArrowInvalid):
        return pc.cast(text, pa.int64())
    return parse_numbers(text)


def count_rows(columns: ArrowColumns) -> int:
    """Return the number of customers."""
    return len(next(iter(columns.values()), ()))


def _check_lengths(batch: pa.RecordBatch, path: Path, file: str) -> None:
    """Refuse values of megabytes, which would be copied for every row of a batch."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        values = column.dictionary if pa.types.is_dictionary(column.type) else column
        longest = pc.max(pc.binary_length(values)).as_py() if name in COLUMNS else None
        if longest is not None and longest > MAX_VALUE_BYTES:
            where = in_shard(path, partial(lines_with, path, name, _is_too_long))
            raise DataError(
                f"{file}: {where}column {name!r} has a value of {longest:,} bytes; {MAX_VALUE_BYTES} is the limit.",
                "Perhaps a quote before it is not closed: correct the file.",
            )


def _is_too_long(text: str) -> bool:
    return len(text.encode()) > MAX_VALUE_BYTES


def parse_numbers(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return a text column as float64; what is not a number becomes null (`non_numeric` finds it)."""
    try:
        return pc.cast(column, pa.float64())
    except pa.ArrowInvalid:  # Arrow knows no plus sign, and one bad value ends its conversion
        texts = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        encoded = texts.dictionary_encode()
        return pa.array(map(_number, encoded.dictionary.to_pylist()), pa.float64()).take(encoded.indices)


def non_numeric(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return a boolean column: true where there is text that is not a number, false where it is one or is missing."""
    try:
        pc.cast(column, pa.float64())
        distinct = []  # all are, which is quickly seen
    except pa.ArrowInvalid:
        distinct = pc.unique(column).to_pylist()
    bad = pa.array([value for value in distinct if value is not None and _number(value) is None], pa.string())
    return pc.is_in(column, value_set=bad, skip_nulls=True)


def _number(value: str) -> float | None:
    """Return the number as scoring reads it, or an infinite one, of which validation speaks."""
    number = parse_number(value)
    if number is None:
        with contextlib.suppress(pa.ArrowInvalid):
            return float(pc.cast(pa.scalar(value), pa.float64()).as_py())
    return number
