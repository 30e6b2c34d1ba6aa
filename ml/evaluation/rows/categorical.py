"""A column of texts of which few are different: one small number a row, and the texts once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int8] | NDArray[np.int32]
NONE = -1
"""The code of a row without a value."""


@dataclass(frozen=True, eq=False)
class Categorical:
    """A column of texts.

    Attributes:
        codes: int8 or int32 [n], the place of each row's text in `categories`, or `NONE`.
        categories: The different texts, sorted; not every one needs to occur.
    """

    codes: Codes
    categories: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raise a `ValueError` when a code stands for no text, or the categories are not sorted."""
        if self.codes.ndim != 1 or self.codes.dtype not in (np.int8, np.int32):
            raise ValueError(f"codes of type {self.codes.dtype} and {self.codes.ndim} dimensions")
        if len(self.codes) and not (self.codes.min() >= NONE and self.codes.max() < len(self.categories)):
            raise ValueError(f"a code without a text; there are {len(self.categories)}")
        if list(self.categories) != sorted(set(self.categories)):
            raise ValueError("the categories are not sorted, or one stands there twice")

    @classmethod
    def of(cls, texts: Iterable[Any]) -> Categorical:
        """Return the column of these texts; None and NaN are no value."""
        values = [None if text != text else text for text in texts]
        categories = sorted({value for value in values if value is not None})
        place: dict[Any, int] = {text: number for number, text in enumerate(categories)} | {None: NONE}
        codes = np.fromiter((place[value] for value in values), np.int32, len(values))
        return cls(_narrow(codes, len(categories)), tuple(map(str, categories)))

    @classmethod
    def joined(cls, parts: list[Categorical]) -> Categorical:
        """Return the rows of all parts, one behind the other."""
        categories = sorted({text for part in parts for text in part.categories})
        place = {text: number for number, text in enumerate(categories)}
        # The last place of each table is that of `NONE`, which is -1.
        tables = [np.array([*(place[text] for text in part.categories), NONE], np.int32) for part in parts]
        codes = [_narrow(table[part.codes], len(categories)) for table, part in zip(tables, parts, strict=True)]
        whole: Codes = np.concatenate([_narrow(np.zeros(0, np.int32), len(categories)), *codes])
        return cls(whole, tuple(categories))

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Any) -> Categorical:
        """Return some rows: those of a mask, a slice or an array of places."""
        return Categorical(self.codes[rows], self.categories)

    def values(self) -> list[str]:
        """Return the texts that occur, sorted."""
        counts = np.bincount(self.codes.astype(np.intp) + 1, minlength=len(self.categories) + 1)[1:]
        return [text for text, count in zip(self.categories, counts, strict=True) if count]

    def equals(self, text: str) -> NDArray[np.bool_]:
        """Return a mask of the rows that hold `text`, shape [n]."""
        if text not in self.categories:
            return np.zeros(len(self), dtype=bool)
        return np.asarray(self.codes == self.categories.index(text))

    def texts(self) -> NDArray[np.object_]:
        """Return the texts themselves, None where there is no value, shape [n]."""
        return np.array([*self.categories, None], dtype=object)[self.codes]


def _narrow(codes: NDArray[np.int32], categories: int) -> Codes:
    return codes.astype(np.int8) if categories <= np.iinfo(np.int8).max else codes
