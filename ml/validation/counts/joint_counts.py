"""Features counted together with the label: each by itself in two halves of the rows, and all of them as a profile."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ml.validation.counts.column import MISSING_KEY, Column
from ml.validation.counts.sorted_counts import Counts, Keys, SortedCounts, group
from ml.validation.leakage import in_first_half, quantile_bins, random_from

_ODD, _FIRST, _SECOND = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


class JointCounts:
    """How often each value of a feature, and each profile, occurs with each class; only of rows with a label.

    The rows are halved at random with a fixed seed, the same for every feature and whatever the batches are.
    """

    def __init__(self, labelled_before: int = 0) -> None:
        """Begin with the row before which so many others have a label."""
        self._random = random_from(labelled_before)
        self._values: dict[str, SortedCounts] = {}
        self._is_text: dict[str, bool] = {}
        self._profiles = SortedCounts()

    def add(self, features: Mapping[str, Column], labels: NDArray[np.int8], width: int) -> None:
        """Count some rows; `labels` are their codes, -1 without one, and `width` is the number of classes so far."""
        labelled = np.flatnonzero(labels >= 0)
        codes = labels[labelled].astype(np.int64)
        half = in_first_half(self._random, len(codes))
        profiles = np.zeros(len(codes), np.uint64)
        for name, column in features.items():
            places = column.places[labelled]
            joint = (places + 1).astype(np.int64) * (2 * width) + codes * 2 + half
            size = len(column.values) + 1
            counts = np.bincount(joint, minlength=size * 2 * width).reshape(size, 2 * width)
            # Place -1 is the last of the keys and the first of the counts.
            self._values.setdefault(name, SortedCounts()).add(np.roll(column.keys, 1), counts.astype(np.int32))
            self._is_text[name] = column.is_text
            profiles = profiles * _ODD + spread(column.keys)[places]  # wraps around
        if features:
            self._profiles.add(*group(profiles, codes, width))

    def merge(self, later: JointCounts, codes: NDArray[np.int64]) -> None:
        """Add the counts of rows that come after these, and no rows any more: their halves are others then.

        `codes` are the codes here of the codes there.
        """
        halves = np.stack([2 * codes, 2 * codes + 1], axis=1).ravel()
        for name, values in later._values.items():
            self._values.setdefault(name, SortedCounts()).add(*moved(*values.result(), halves))
            self._is_text[name] = later._is_text[name]
        if later._values:
            self._profiles.add(*moved(*later._profiles.result(), codes))

    def features(self) -> dict[str, NDArray[np.int64]]:
        """Return for each feature its counts [half, code, class]; of a number with many values, codes of quantiles."""
        found = {}
        for name, values in self._values.items():
            keys, counts = occurring(*values.result())
            table = counts.astype(np.int64)
            if not self._is_text[name]:
                table = quantile_bins(keys.view(np.float64), table, missing=keys == MISSING_KEY)
            found[name] = np.stack([table[:, 0::2], table[:, 1::2]])
        return found

    def profiles(self) -> Counts:
        """Return the counts of the profiles [profile, class]."""
        return self._profiles.result()[1]


def occurring(keys: Keys, counts: Counts) -> tuple[Keys, Counts]:
    """Return the keys that occur; the value of a row without a label may not."""
    there = counts.any(axis=1)
    return keys[there], counts[there]


def moved(keys: Keys, counts: Counts, columns: NDArray[np.int64]) -> tuple[Keys, Counts]:
    """Return the counts with each column where `columns` says; there may be fewer than it has."""
    columns = columns[: counts.shape[1]]
    found = np.zeros((len(keys), int(columns.max(initial=-1)) + 1), np.int32)
    found[:, columns] = counts
    return keys, found


def spread(keys: Keys) -> Keys:
    """Return the keys one to one with their bits spread, by the finalizer of SplitMix64 (Steele et al., 2014)."""
    keys = (keys ^ (keys >> np.uint64(30))) * _FIRST
    keys = (keys ^ (keys >> np.uint64(27))) * _SECOND
    return np.asarray(keys ^ (keys >> np.uint64(31)))
