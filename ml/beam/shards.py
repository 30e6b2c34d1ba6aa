"""Reading CSV shards in workers: the rows as TFDV wants them, with the kinds of columns that the whole data set has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.beam.shared_files import readable
from ml.data.csv_reader import NUMBER_COLUMNS, non_numeric, parse_numbers, read_batches
from ml.data.schema import Schema
from ml.errors import DataError


@dataclass(frozen=True)
class Columns:
    """The columns of some shards.

    Attributes:
        names: In the order of the header; none before a shard was read.
        texts: Those number columns that hold something else than numbers in at least one row.
        shard: One of the shards, for messages.
    """

    names: tuple[str, ...] = ()
    texts: frozenset[str] = frozenset()
    shard: str = ""

    @classmethod
    def of(cls, shard: str, schema: Schema) -> Columns:
        """Read a shard with the spellings of a schema, and remember no row of it.

        Raises:
            DataError: It cannot be read as a table.
        """
        names: tuple[str, ...] = ()
        texts: set[str] = set()
        with readable(shard) as path:
            for batch in read_batches(path, schema=schema):
                names = tuple(batch.schema.names)
                texts |= {name for name in names if name in NUMBER_COLUMNS and pc.any(non_numeric(batch[name])).as_py()}
        return cls(names, frozenset(texts), Path(shard).name)

    @staticmethod
    def merged(found: Iterable[Columns]) -> Columns:
        """Return the columns of all shards; the order of `found` makes no difference to what holds numbers.

        Raises:
            DataError: Two shards have other headers; the message names both.
        """
        whole = Columns()
        for one in found:
            if whole.names and one.names and set(whole.names) != set(one.names):
                odd = ", ".join(sorted(set(whole.names) ^ set(one.names)))
                raise DataError(
                    f"{whole.shard} and {one.shard} have other columns: {odd}.", "Give all shards the same header."
                )
            whole = Columns(whole.names or one.names, whole.texts | one.texts, whole.shard or one.shard)
        return whole


def read_features(shard: str, schema: Schema, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Yield a shard as record batches of lists, TFDV's form: null where a row has no value, float64 for numbers.

    Args:
        shard: The path of a CSV file that this worker can open.
        schema: The one whose spellings categories are read with.
        columns: Those of all shards.

    Raises:
        DataError: It cannot be read as a table.
    """
    with readable(shard) as path:
        for batch in read_batches(path, schema=schema):
            found = {
                name: parse_numbers(batch[name])
                if name in NUMBER_COLUMNS and name not in columns.texts
                else batch[name]
                for name in columns.names
            }
            yield pa.RecordBatch.from_arrays([_as_lists(column) for column in found.values()], names=list(found))


def _as_lists(column: pa.Array) -> pa.Array:
    present = np.asarray(column.is_valid())
    offsets = np.concatenate([[0], np.cumsum(present)]).astype(np.int32)
    missing = np.append(~present, False)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32(), mask=missing), column.drop_null())
