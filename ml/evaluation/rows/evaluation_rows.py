"""The evaluation rows of a run: what is needed of each in flat arrays, and the raw features batch by batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.data.features import CATEGORICAL, FEATURES, NUMERIC, RawFeatures
from ml.evaluation.rows.categorical import Categorical
from ml.evaluation.slices import SLICED_BY, slicing_columns
from ml.storage import files

BATCH_ROWS = 8192
"""Rows that a model is asked about together."""


@dataclass(frozen=True)
class EvaluationRows:
    """The rows of one file; a row takes eighteen bytes and a code for each slicing column.

    Attributes:
        parquet: The file, as transform writes it.
        labels: int8 [n], 0 or 1.
        profiles: uint64 [n], a hash of the eight features.
        rows: uint64 [n], a hash of the eight features and the label.
        groups: The slicing columns by name, [n] each.
        numbers_sha256: Of each numeric feature's values as float32, one behind the other.
    """

    parquet: Path
    labels: NDArray[np.int8]
    profiles: NDArray[np.uint64]
    rows: NDArray[np.uint64]
    groups: dict[str, Categorical]
    numbers_sha256: tuple[str, ...]

    @classmethod
    def read(cls, parquet: Path) -> EvaluationRows:
        """Read all rows once."""
        table = pq.read_table(parquet, columns=["label", "profile", "row"])
        labels, profiles, rows = (table[name].to_numpy() for name in ("label", "profile", "row"))
        parts: dict[str, list[Categorical]] = {name: [] for name in SLICED_BY}
        digests = {name: hashlib.sha256() for name in NUMERIC}
        for columns in raw_features(parquet):
            for name, part in slicing_columns(columns).items():
                parts[name].append(part)
            for name, digest in digests.items():
                digest.update(columns[name].tobytes())
        return cls(
            parquet,
            labels.astype(np.int8),
            profiles,
            rows,
            {name: Categorical.joined(found) for name, found in parts.items()},
            tuple(digest.hexdigest() for digest in digests.values()),
        )

    def __len__(self) -> int:
        return len(self.labels)

    def identity(self) -> str:
        """Return a hash of these rows in this order, and of the library that computes the scores."""
        import tensorflow as tf

        return files.sha256_json([tf.__version__, files.sha256_bytes(self.rows.tobytes()), list(self.numbers_sha256)])


def batches(parquet: Path) -> Iterator[RawFeatures]:
    """Yield the raw features of `BATCH_ROWS` rows of a file at a time; the last batch may be smaller."""
    rest: RawFeatures | None = None
    for found in raw_features(parquet):
        columns = found if rest is None else {name: np.concatenate([rest[name], found[name]]) for name in FEATURES}
        rows = len(columns[FEATURES[0]])
        whole = rows // BATCH_ROWS * BATCH_ROWS
        for start in range(0, whole, BATCH_ROWS):
            yield {name: column[start : start + BATCH_ROWS] for name, column in columns.items()}
        rest = {name: column[whole:] for name, column in columns.items()}
    if rest is not None and len(rest[FEATURES[0]]):
        yield rest


def raw_features(parquet: Path) -> Iterator[RawFeatures]:
    """Yield the raw features of some rows at a time, of as many as the file holds together."""
    file: Any = pq.ParquetFile(parquet, read_dictionary=list(CATEGORICAL))
    for batch in file.iter_batches(columns=list(FEATURES)):
        yield {name: _column(batch[name], is_text=name in CATEGORICAL) for name in FEATURES}


def _column(column: pa.Array, *, is_text: bool) -> NDArray[Any]:
    if not is_text:
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float32)
    # Every row refers to one of few texts, instead of to a text of its own.
    texts = np.array(column.dictionary.to_pylist(), dtype=object)
    return np.asarray(texts[column.indices.to_numpy()])
