"""The labels of the rows as small numbers, given out as labels turn up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.config.settings import TargetSettings
from ml.validation.counts.column import Column
from ml.validation.leakage import Classes

MAX_CLASSES = 50


class TooManyClasses(Exception):  # noqa: N818 - no error: the labels are counted otherwise then
    """There are more labels than `MAX_CLASSES`."""


class LabelCodes:
    """Codes by label, in the order in which they occur; or only two, whether it is a target, if `as_target`.

    The counts of rows tell a data set with one class only: `rows` of all, `targets` among them.
    """

    def __init__(self, target: TargetSettings, *, as_target: bool = False) -> None:
        self._positive = frozenset(target.positive_segments)
        self._as_target = as_target
        self._codes: dict[str, int] = {}
        self.rows = self.targets = 0

    def add(self, column: Column) -> NDArray[np.int8]:
        """Return the codes of the rows, -1 without a label.

        Raises:
            TooManyClasses: There are more than `MAX_CLASSES` of them.
        """
        names = [str(value) for value in column.values.to_pylist()]
        positive = np.array([name in self._positive for name in names], dtype=bool)
        self.rows += len(column.places)
        self.targets += int(column.counts[positive].sum())
        codes = positive.astype(np.int8) if self._as_target else self._coded(names)
        return np.append(codes, -1).astype(np.int8)[column.places]

    def merge(self, later: LabelCodes) -> NDArray[np.int64]:
        """Add the labels of rows that come after these, and return the codes here of the codes there.

        Raises:
            TooManyClasses: There are more than `MAX_CLASSES` of all.
        """
        self.rows += later.rows
        self.targets += later.targets
        return np.arange(2) if self._as_target else self._coded(list(later._codes))

    def _coded(self, names: list[str]) -> NDArray[np.int64]:
        codes = np.array([self._codes.setdefault(name, len(self._codes)) for name in names], dtype=np.int64)
        if len(self._codes) > MAX_CLASSES:
            raise TooManyClasses
        return codes

    @property
    def classes(self) -> Classes:
        """The classes that the codes mean."""
        if self._as_target:
            return Classes(["rest", "target"], np.array([False, True]))
        return Classes(list(self._codes), np.array([name in self._positive for name in self._codes], dtype=bool))

    @property
    def width(self) -> int:
        """The number of classes so far."""
        return 2 if self._as_target else len(self._codes)
