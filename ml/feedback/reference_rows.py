"""Customers of the data that a version was made from: a sample that depends on the rows alone."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator
from pathlib import Path

from ml.data.csv_reader import parse_numbers, read_batches
from ml.data.features import FEATURES, NUMERIC
from serving.reasons.columns import Instance


def reference_rows(csv: Path, rows: int) -> list[Instance]:
    """Return the rows with the smallest hashes, as a model server takes them; memory does not grow with the file.

    Args:
        csv: The kept data of the version.
        rows: How many.

    Raises:
        DataError: The file cannot be read as a table.
        KeyError: It lacks a feature.
    """
    found = heapq.nsmallest(rows, _hashed(csv), key=lambda one: one[:2])
    return [dict(zip(FEATURES, values, strict=True)) for _, _, values in found]


def _hashed(csv: Path) -> Iterator[tuple[bytes, int, tuple[object, ...]]]:
    number = 0
    for batch in read_batches(csv):
        columns = [parse_numbers(batch[name]) if name in NUMERIC else batch[name] for name in FEATURES]
        for values in zip(*(column.to_pylist() for column in columns), strict=True):
            digest = hashlib.blake2b(repr(values).encode(errors="replace"), digest_size=8).digest()
            yield digest, number, values
            number += 1
