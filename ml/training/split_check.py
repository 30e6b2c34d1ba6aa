"""The check that no evaluation row has the features of a training row, made on the files that were written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.data.features import CATEGORICAL, FEATURES
from ml.errors import FinalError

Hashes = NDArray[np.uint64]


def require_apart(train: Path, evaluation: Path) -> None:
    """Refuse two sides of a split that share a profile, whatever their `profile` column says.

    The profiles are hashed anew from the raw features in the files, without the split's salt and in another way than
    the split does it, so that a fault of the split, or data that changed between the two times they are read, shows.
    Sixteen bytes for each evaluation row are in memory, and no more than a batch of the train rows.

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
        is_shared = _is_among(wanted, hashes)
        if is_shared.any():
            example = example or _shown(rows, int(np.argmax(is_shared)))
            shared = np.union1d(shared, hashes[is_shared])
    if len(shared):
        count = int(_is_among(shared, held).sum())
        raise FinalError(
            f"{count:,} of {len(held):,} evaluation rows have the features of a train row ({example}).",
            "Repeat the run; if that does not help, the fault is in ml/training/split.py.",
        )


def _is_among(wanted: Hashes, hashes: Hashes) -> NDArray[np.bool_]:
    """Return which of the hashes are among the sorted ones that are wanted."""
    if not len(wanted):
        return np.zeros(len(hashes), dtype=bool)
    place = np.searchsorted(wanted, hashes)
    return np.asarray(wanted[np.minimum(place, len(wanted) - 1)] == hashes)


def _hashed(parquet: Path) -> Iterator[tuple[pa.RecordBatch, Hashes]]:
    """Yield the raw features of some rows and the hashes of their profiles."""
    file: Any = pq.ParquetFile(parquet, read_dictionary=list(CATEGORICAL))
    for rows in file.iter_batches(columns=list(FEATURES)):
        hashes = np.zeros(rows.num_rows, dtype=np.uint64)
        for name in FEATURES:
            column = rows[name] if name in CATEGORICAL else rows[name].dictionary_encode()
            values = np.array([_hash_of(value) for value in column.dictionary.to_pylist()], dtype=np.uint64)
            hashes = _mixed(hashes ^ values[column.indices.to_numpy()])
        yield rows, hashes


def _hash_of(value: str | float) -> int:
    """Return a hash of 64 bits of a value; numbers that agree in six digits are equal, as in the split."""
    text = value if isinstance(value, str) else format(value, ".6g")
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _mixed(hashes: Hashes) -> Hashes:
    """Return the hashes stirred, each into one other (the finalizer of SplitMix64, Steele et al., OOPSLA 2014)."""
    hashes = hashes + np.uint64(0x9E3779B97F4A7C15)
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(hashes ^ (hashes >> np.uint64(31)))


def _shown(rows: pa.RecordBatch, place: int) -> str:
    return ", ".join(f"{name} {value}" for name, value in rows.slice(place, 1).to_pylist()[0].items())
