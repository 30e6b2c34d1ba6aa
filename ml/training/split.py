"""Which side of the split a customer is on: decided by the feature profile, so that twins never straddle it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml.data.features import FEATURES, NUMERIC

BUCKETS = 10_000
_POSITIVE = np.uint64(0x9E3779B97F4A7C15)
"""What a positive label changes in the hash of a row."""


def profile_hashes(columns: Mapping[str, pa.Array], salt: str) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each row's eight features, shape [n].

    Args:
        columns: Text and float64 arrays with null where a value is missing.
        salt: Part of what is hashed; another salt makes another split.
    """
    parts = [_as_text(columns[name]) if name in NUMERIC else pc.fill_null(columns[name], "") for name in FEATURES]
    profiles = pc.binary_join_element_wise(*parts, "\x1f").dictionary_encode()
    hashes = [
        int.from_bytes(hashlib.blake2b(f"{salt}\x1f{profile}".encode(), digest_size=8).digest(), "big")
        for profile in profiles.dictionary.to_pylist()
    ]
    return np.asarray(np.array(hashes, dtype=np.uint64)[profiles.indices.to_numpy()])


def row_hashes(columns: Mapping[str, pa.Array], labels: NDArray[np.int8]) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each row's features and label, shape [n], which does not depend on the split.

    Args:
        columns: As for `profile_hashes`.
        labels: Shape [n], 0 or 1.
    """
    profiles = profile_hashes(columns, "row")
    return np.where(labels > 0, profiles ^ _POSITIVE, profiles)


def is_eval(hashes: NDArray[np.uint64], share: float) -> NDArray[np.bool_]:
    """Return a mask that is true for the evaluation rows."""
    return np.asarray(hashes % np.uint64(BUCKETS) < round(share * BUCKETS))


def is_holdout(hashes: NDArray[np.uint64], share: float) -> NDArray[np.bool_]:
    """Return a mask that is true for the part of train that early stopping watches; independent of `is_eval`."""
    return np.asarray(hashes // np.uint64(BUCKETS) % np.uint64(BUCKETS) < round(share * BUCKETS))


def _as_text(column: pa.Array) -> pa.Array:
    """Return numbers as text in which 22 and 22.0 are equal; "" where missing."""
    encoded = column.dictionary_encode()
    texts = pa.array([format(value, ".6g") for value in encoded.dictionary.to_pylist()], pa.string())
    return pc.fill_null(texts.take(encoded.indices), "")
