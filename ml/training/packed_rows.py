"""Rows of the network in a tenth of their size: the slot of each category, the raw numbers, and the label.

One row of the network's input is forty float32, most of them 0. What they are made from fits into eighteen bytes, and
making them again for a batch costs less than to read them from a disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.data.features import CATEGORICAL, FEATURES, NUMERIC
from ml.training.preprocessing import Encoding

Floats = NDArray[np.float32]
Packed = NDArray[np.void]
LABEL = "label"


class Packing:
    """How the rows of one encoding are packed.

    Attributes:
        dtype: Of a packed row: a slot for each category, float32 for each number, uint8 for the label.
        width: The number of network inputs that a row becomes.
    """

    def __init__(self, encoding: Encoding) -> None:
        self._features = encoding.features
        self.width = encoding.width
        columns = [
            (f.name, np.min_scalar_type(f.width) if f.name in CATEGORICAL else np.dtype(np.float32))
            for f in self._features
        ]
        self.dtype = np.dtype([*columns, (LABEL, np.dtype(np.uint8))])
        # What no slot stands for, a text that train never saw, is a row of zeros behind the others.
        self._one_hot = {
            f.name: np.eye(f.width + 1, f.width, dtype=np.float32) for f in self._features if f.name in CATEGORICAL
        }

    def pack(self, batch: pa.RecordBatch) -> Packed:
        """Return the rows of a batch of raw features and labels, as `raw_batches` yields them, packed: shape [n]."""
        packed = np.zeros(batch.num_rows, self.dtype)
        for feature in self._features:
            column = batch[feature.name]
            if feature.name in NUMERIC:
                packed[feature.name] = column.to_numpy(zero_copy_only=False)
                continue
            values = np.array(column.dictionary.to_pylist(), dtype=object)
            hot = feature.apply(values)
            slots = np.where(hot.any(axis=1), hot.argmax(axis=1), feature.width)
            packed[feature.name] = slots[column.indices.to_numpy()]
        packed[LABEL] = batch[LABEL].to_numpy()
        return packed

    def unpack(self, packed: Packed) -> tuple[Floats, Floats]:
        """Return the network's inputs, float32 [n, width], and the labels, float32 [n].

        The inputs are, bit by bit, what `Encoding.apply` makes from the raw features.
        """
        x = np.empty((len(packed), self.width), dtype=np.float32)
        start = 0
        for feature in self._features:
            column = packed[feature.name]
            part = self._one_hot[feature.name][column] if feature.name in CATEGORICAL else feature.apply(column)
            x[:, start : start + feature.width] = part
            start += feature.width
        return x, packed[LABEL].astype(np.float32)


def raw_batches(parquet: Path) -> Iterator[pa.RecordBatch]:
    """Yield the raw features, `label` and `profile` of some rows at a time; texts come as dictionary arrays."""
    file: Any = pq.ParquetFile(parquet, read_dictionary=list(CATEGORICAL))
    yield from file.iter_batches(columns=[*FEATURES, LABEL, "profile"])
