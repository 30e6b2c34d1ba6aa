"""The files `train.parquet` and `eval.parquet`: the same rows in the same order make the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.data.features import FEATURES, NUMERIC, transformed
from ml.training.preprocessing import Encoding, Floats
from ml.training.raw_batch import RawBatch

ROW_GROUP_ROWS = 65_536
"""Rows of each group but the last one of a file, whatever batches they came in."""
RAW = pa.schema(
    [
        *((name, pa.float32() if name in NUMERIC else pa.string()) for name in FEATURES),
        ("label", pa.int8()),
        ("profile", pa.uint64()),
        ("row", pa.uint64()),
    ]
)
"""The columns of a row before its features are encoded."""


def write_examples(batches: Iterable[RawBatch], encoding: Encoding, out: Path) -> tuple[int, int]:
    """Write the rows of both sides into `out`, and return how many train and evaluation rows the files have."""
    fitted = [pa.field(transformed(f.name), pa.list_(pa.float32(), f.width)) for f in encoding.features]
    columns = pa.schema([*RAW, *fitted])
    with _Rows(out / "train.parquet", columns) as train, _Rows(out / "eval.parquet", columns) as held:
        for batch in batches:
            inputs = encoding.apply({name: feature.values for name, feature in batch.features.items()})
            for side, mask in ((train, ~batch.in_eval), (held, batch.in_eval)):
                arrays = [*raw_arrays(batch, mask), *_lists(batch, mask, inputs)]
                side.add(pa.Table.from_arrays(arrays, schema=columns))
    return train.written, held.written


def raw_arrays(batch: RawBatch, mask: NDArray[np.bool_]) -> list[pa.Array]:
    """Return the columns `RAW` of the rows in `mask`."""
    features = [
        pa.array(feature.values, RAW.field(name).type).take(pa.array(feature.places[mask]))
        for name, feature in batch.features.items()
    ]
    return [*features, *(pa.array(column[mask]) for column in (batch.labels, batch.profiles, batch.rows))]


def _lists(batch: RawBatch, mask: NDArray[np.bool_], inputs: Mapping[str, Floats]) -> list[pa.Array]:
    """Return the encoded features of the rows in `mask`; `inputs` are those of each feature's distinct values."""
    lists = []
    for name, feature in batch.features.items():
        numbers = inputs[transformed(name)]
        flat = pa.array(numbers[feature.places[mask]].reshape(-1))
        lists.append(pa.FixedSizeListArray.from_arrays(flat, numbers.shape[1]))
    return lists


class _Rows:
    """A Parquet file whose groups do not depend on the sizes of the tables that are added to it.

    `written` is the number of rows that are in the file.
    """

    def __init__(self, path: Path, columns: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(path, columns)
        self._waiting: list[pa.Table] = []
        self._rows = 0
        self.written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None and self._rows:
            self._write(pa.concat_tables(self._waiting))
        self._writer.close()

    def add(self, rows: pa.Table) -> None:
        self._waiting.append(rows)
        self._rows += rows.num_rows
        if self._rows < ROW_GROUP_ROWS:
            return
        waiting = pa.concat_tables(self._waiting)
        whole = self._rows - self._rows % ROW_GROUP_ROWS
        for start in range(0, whole, ROW_GROUP_ROWS):
            self._write(waiting.slice(start, ROW_GROUP_ROWS))
        self._waiting, self._rows = [waiting.slice(whole)], self._rows - whole

    def _write(self, group: pa.Table) -> None:
        # In one piece: where a chunk ends, the writer would begin a page.
        self._writer.write_table(group.combine_chunks(), row_group_size=ROW_GROUP_ROWS)
        self.written += group.num_rows
