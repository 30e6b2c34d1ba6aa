"""The check that no evaluation row has the features of a training row, made on the files that were written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.data.features import FEATURES, NUMERIC
from ml.errors import FinalError
from ml.training.split import profile_hashes


def require_apart(train: Path, evaluation: Path) -> None:
    """Refuse two sides of a split that share a profile, whatever their `profile` column says.

    The profiles are hashed anew from the raw features in the files, without the split's salt, so that a fault of the
    split, or data that changed between the two times they are read, shows.

    Args:
        train: The Parquet file of the train rows.
        evaluation: That of the evaluation rows.

    Raises:
        FinalError: Some evaluation rows have the features of a train row; the message counts them and shows one.
    """
    held = np.concatenate([np.zeros(0, np.uint64), *(hashes for _, hashes in _hashed(evaluation))])
    wanted = np.unique(held)
    shared, example = np.zeros(0, np.uint64), ""
    for rows, hashes in _hashed(train):
        is_shared = np.isin(hashes, wanted)
        if is_shared.any():
            example = example or _shown(rows, int(np.argmax(is_shared)))
            shared = np.union1d(shared, hashes[is_shared])
    if len(shared):
        count = int(np.isin(held, shared).sum())
        raise FinalError(
            f"{count:,} of {len(held):,} evaluation rows have the features of a train row ({example}).",
            "Repeat the run; if that does not help, the fault is in ml/training/split.py.",
        )


def _hashed(parquet: Path) -> Iterator[tuple[pa.RecordBatch, NDArray[np.uint64]]]:
    """Yield the raw features of some rows and the hashes of their profiles."""
    for rows in pq.ParquetFile(parquet).iter_batches(columns=list(FEATURES)):
        columns = {name: _nan_is_null(rows[name]) if name in NUMERIC else rows[name] for name in FEATURES}
        yield rows, profile_hashes(columns, salt="")


def _nan_is_null(column: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_nan(column), None, column)


def _shown(rows: pa.RecordBatch, place: int) -> str:
    return ", ".join(f"{name} {value}" for name, value in rows.slice(place, 1).to_pylist()[0].items())
