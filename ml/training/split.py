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


BITS = dict(zip(FEATURES, (4, 4, 14, 4, 12, 10, 6, 10), strict=True))
"""Of the 64 that a packed profile has: room for 16 genders, 16,384 ages, 4,096 professions and so on."""
MOST_KEPT = 4_000_000
ROW_SALT = "row"


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
    profiles = profile_hashes(columns, ROW_SALT)
    return np.where(labels > 0, profiles ^ _POSITIVE, profiles)


class ProfileHashes:
    """The same two hashes for batch after batch; each distinct profile is hashed once.

    What is known is kept by the profile itself, packed into 64 bits: the numbers of its eight values in the order in
    which they turned up, in `BITS` each. A feature with more values than fit ends that; then every batch is hashed
    anew. Memory is 24 bytes for each distinct profile, of `MOST_KEPT` at most.
    """

    def __init__(self, salt: str) -> None:
        self._salt = salt
        self._numbers: dict[str, dict[str, int]] = {name: {} for name in FEATURES}
        self._packed, self._known = np.zeros(0, np.uint64), np.zeros((0, 2), np.uint64)
        self._fits = True

    def of(
        self, features: Mapping[str, tuple[list[str], NDArray[np.int32]]], labels: NDArray[np.int8]
    ) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Return what `profile_hashes` and `row_hashes` return, each of shape [n].

        Args:
            features: For each one its values as texts (`number_text`, "" where missing), and which each row has [n].
            labels: Shape [n], 0 or 1.
        """
        packed = self._pack(features) if self._fits else None
        if packed is None:
            distinct, place = _distinct([places for _, places in features.values()])
            parts = [[texts[i] for i in places[distinct]] for texts, places in features.values()]
            profiles, rows = self._hashed(parts)[place].T
        else:
            values, place = np.unique(packed, return_inverse=True)
            profiles, rows = self._looked_up(values)[place].T
        return profiles, np.where(labels > 0, rows ^ _POSITIVE, rows)

    def _pack(self, features: Mapping[str, tuple[list[str], NDArray[np.int32]]]) -> NDArray[np.uint64] | None:
        packed: NDArray[np.uint64] | None = None
        for name, (texts, places) in features.items():
            numbers = self._numbers[name]
            codes = np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.uint64)
            if len(numbers) > 1 << BITS[name]:
                self._fits = False
                return None
            packed = codes[places] if packed is None else packed << np.uint64(BITS[name]) | codes[places]
        return packed

    def _looked_up(self, values: NDArray[np.uint64]) -> NDArray[np.uint64]:
        place = np.searchsorted(self._packed, values)
        known = np.zeros(len(values), dtype=bool)
        inside = place < len(self._packed)
        known[inside] = self._packed[place[inside]] == values[inside]
        found = np.empty((len(values), 2), np.uint64)
        found[known] = self._known[place[known]]
        new = values[~known]
        found[~known] = self._hashed(self._unpacked(new))
        if len(new) and len(self._packed) + len(new) <= MOST_KEPT:
            self._packed = np.insert(self._packed, place[~known], new)
            self._known = np.insert(self._known, place[~known], found[~known], axis=0)
        return found

    def _unpacked(self, values: NDArray[np.uint64]) -> list[list[str]]:
        parts = []
        for name in reversed(FEATURES):
            texts = list(self._numbers[name])
            parts.append([texts[i] for i in (values & np.uint64((1 << BITS[name]) - 1)).tolist()])
            values = values >> np.uint64(BITS[name])
        return parts[::-1]

    def _hashed(self, parts: list[list[str]]) -> NDArray[np.uint64]:
        """Return both hashes of profiles [n, 2], given for each feature its texts [n]."""
        digests = b"".join(
            hashlib.blake2b(f"{salt}\x1f{profile}".encode(), digest_size=8).digest()
            for profile in map("\x1f".join, zip(*parts, strict=True))
            for salt in (self._salt, ROW_SALT)
        )
        return np.frombuffer(digests, dtype=">u8").astype(np.uint64).reshape(-1, 2)


def _distinct(columns: list[NDArray[np.int32]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first row of each distinct combination, and for each row the place of its own in that."""
    first, place = np.zeros(1, np.int64), np.zeros(len(columns[0]), np.int64)
    for codes in columns:
        joint = place * (int(codes.max(initial=0)) + 1) + codes
        _, first, place = np.unique(joint, return_index=True, return_inverse=True)
    return first, place


def is_eval(hashes: NDArray[np.uint64], share: float) -> NDArray[np.bool_]:
    """Return a mask that is true for the evaluation rows."""
    return np.asarray(hashes % np.uint64(BUCKETS) < round(share * BUCKETS))


def is_holdout(hashes: NDArray[np.uint64], share: float) -> NDArray[np.bool_]:
    """Return a mask that is true for the part of train that early stopping watches; independent of `is_eval`."""
    return np.asarray(hashes // np.uint64(BUCKETS) % np.uint64(BUCKETS) < round(share * BUCKETS))


def number_text(value: float | None) -> str:
    """Return a number as text in which 22 and 22.0 are equal; "" where it is missing."""
    return "" if value is None else format(value, ".6g")


def _as_text(column: pa.Array) -> pa.Array:
    encoded = column.dictionary_encode()
    texts = pa.array([number_text(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return pc.fill_null(texts.take(encoded.indices), "")
