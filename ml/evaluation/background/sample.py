"""A sample of rows that depends on the rows alone, and neither on their order nor on a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ml.data.features import FEATURES, NUMERIC, RawFeatures

BATCH_ROWS = 65536


def sample(parquet: Path, by: str, rows: int, *, distinct: bool = False, of: int | None = None) -> RawFeatures:
    """Return the features of the `rows` rows with the smallest hashes, or of all if there are fewer.

    Memory does not grow with the file. Equal rows have equal hashes: they come together, or, when `distinct`, once.

    Args:
        parquet: One side of the examples.
        by: The column with the hash, uint64: `row` or `profile`.
        rows: How many.
        distinct: Whether no hash may come twice.
        of: How many of the file's rows, the first ones, count; all without it.
    """
    kept = None
    for batch in pq.ParquetFile(parquet).iter_batches(BATCH_ROWS, columns=[by, *FEATURES]):
        table = pa.Table.from_batches([batch])
        if of is not None:
            table, of = table.slice(0, of), max(of - len(table), 0)
        if kept is not None:
            limit = kept[by].to_numpy().max() if len(kept) >= rows else np.iinfo(np.uint64).max
            table = pa.concat_tables([kept, table.filter(pa.array(table[by].to_numpy() <= limit))])
        hashes = table[by].to_numpy()
        order = np.unique(hashes, return_index=True)[1] if distinct else np.argsort(hashes, kind="stable")
        kept = table.take(pa.array(order[:rows]))
    if kept is None:
        return {name: np.array([], dtype=np.float32 if name in NUMERIC else object) for name in FEATURES}
    return {name: kept[name].to_numpy().astype(np.float32 if name in NUMERIC else object) for name in FEATURES}
