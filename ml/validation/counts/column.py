"""One column of a batch as validation looks at it: its distinct values, typed, and which of them each row has."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MISSING_KEY = np.uint64(0xFFF8_5EED_0000_0001)
"""The key of a missing value: as a float64 the bits of a NaN that no parser makes."""


@dataclass(frozen=True)
class Column:
    """A column of n rows: `values` [d] without nulls (text, float64 or int64), `places` [n] into them, -1 if missing.

    The values stand in the order in which they first occur, each once, but for numbers that are written in two ways.
    """

    values: pa.Array
    places: NDArray[np.int32]

    @classmethod
    def of(cls, column: pa.Array) -> Column:
        """Make one from any column of Arrow, encoded or not."""
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        return cls(encoded.dictionary, indices(encoded))

    @classmethod
    def of_identifiers(cls, column: pa.Array) -> Column:
        """Make one from a column whose values are not looked up among each other: nearly all of them are distinct."""
        present = np.asarray(column.is_valid())
        return cls(column.drop_null(), np.where(present, np.cumsum(present) - 1, -1).astype(np.int32))

    @property
    def is_text(self) -> bool:
        """Whether the values are texts."""
        return bool(pa.types.is_string(self.values.type))

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How often each value occurs, [d]."""
        return np.bincount(self.places + 1, minlength=len(self.values) + 1)[1:].astype(np.int64)

    @property
    def nulls(self) -> int:
        """The number of rows without a value."""
        return int((self.places < 0).sum())

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """A 64-bit key for each value, and last that of a missing one, [d + 1]: `places` finds each row's.

        That of a number is its float64, bit by bit. That of a text is a hash; of ten million different ones two collide
        with a chance of 3 in a million, which would add up two values in what the sentinel measures.
        """
        if self.is_text:
            found = [hashlib.blake2b(text.encode(), digest_size=8).digest() for text in self.values.to_pylist()]
            keys = np.frombuffer(b"".join(found), dtype=">u8").astype(np.uint64)
        else:
            keys = floats(self.values).view(np.uint64)
        return np.append(keys, MISSING_KEY)

    def as_lists(self) -> pa.Array:
        """Return TFDV's form of a feature: for each row a list of its values, null (and not NaN) where it has none."""
        present = self.places >= 0
        values: Any = self.values if self.is_text else pa.array(floats(self.values))
        offsets = np.concatenate([[0], np.cumsum(present)]).astype(np.int32)
        missing = np.append(~present, False)
        taken = values.take(pa.array(self.places[present] if len(values) else np.zeros(0, np.int32)))
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32(), mask=missing), taken)


def floats(values: pa.Array) -> NDArray[np.float64]:
    """Return numbers without nulls as float64: the schema knows one kind of number."""
    return np.asarray(pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def indices(encoded: pa.DictionaryArray) -> NDArray[np.int32]:
    """Return the places of an encoded column, -1 where it is null."""
    return np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), np.int32)
