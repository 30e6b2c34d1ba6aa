"""How unlike the training data one row is, in bits, and from where on it is flagged.

With c(v) the number of training rows that had the value v of a feature, or a number in the same of ten equal buckets,
or no value, and with c(v) = 1/2 for what none of them had, the distance of a row is

    sum over its features of  log2( max c / c(v) )

It is 0 for the commonest value of every feature, and each bit halves how common the row is: a likelihood ratio to the
commonest row, as if features were independent. Rare values add up, so several of them that are each unsuspicious show;
a rare combination of common values does not, since a release knows its features one by one.

A row is flagged when its distance is above a threshold, or when it has a value that no training row had. The threshold
comes from the same numbers: of rows whose features are drawn independently, as often as in training, a share of
`FALSE_ALARMS` is above it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

from serving.expectation.known_inputs import KnownInput

FALSE_ALARMS = 0.01
_STEPS = 64
"""Into so many steps a bit is divided where the threshold is computed."""
_MISSING = "\0missing"
_UNSEEN = 0.5
_REMEMBERED = 5000
Key = str | int


class Unlikeness:
    """The distances of rows from the training data of a version.

    Args:
        inputs: What the version knows of each input; at least one with counts.

    Attributes:
        threshold: The distance in bits above which a row is flagged.
    """

    def __init__(self, inputs: Mapping[str, KnownInput]) -> None:
        rows = max(sum(known.counts) for known in inputs.values())
        self._features = {name: _Feature(known, rows) for name, known in inputs.items() if sum(known.counts)}
        self.threshold = _quantile([feature.distribution() for feature in self._features.values()], 1 - FALSE_ALARMS)

    def of(self, instance: Mapping[str, object]) -> float:
        """The distance of a row in bits, 0 or more."""
        return sum(feature.bits(instance.get(name))[0] for name, feature in self._features.items())

    def flagged(self, instance: Mapping[str, object]) -> float | None:
        """The distance of a row that is unlike the training data; None for a row like them."""
        bits, is_new = 0.0, False
        for name, feature in self._features.items():
            more, never_seen = feature.bits(instance.get(name))
            bits += more
            is_new |= never_seen
        return bits if is_new or bits > self.threshold else None


def unlikeness_of(inputs: Mapping[str, KnownInput]) -> Unlikeness | None:
    """The distances for a version that knows these inputs; None when it knows none by number."""
    return Unlikeness(inputs) if any(sum(known.counts) for known in inputs.values()) else None


class _Feature:
    def __init__(self, known: KnownInput, rows: int) -> None:
        self._edges = known.edges
        keys: list[Key] = [*(known.values if known.values is not None else range(1, len(known.counts) + 1))]
        self._counts: dict[Key, float] = dict(zip(keys, known.counts, strict=True))
        self._is_number = known.values is None
        if known.missing:
            # A release has no number of missing values: what is left of the rows is one, and at least one was missing.
            self._counts[_MISSING] = max(1, rows - sum(known.counts))
        self._most = max(self._counts.values())
        self._remembered: dict[object, tuple[float, bool]] = {}

    def bits(self, value: object) -> tuple[float, bool]:
        """The bits of a value, and whether no training row had it."""
        if value is None or value == "" or value != value:
            return self._bits(_MISSING)
        found = self._remembered.get(value)
        if found is None:
            found = self._bits(self._bucket(float(str(value))) if self._is_number else str(value))
            if len(self._remembered) < _REMEMBERED:
                self._remembered[value] = found
        return found

    def _bucket(self, number: float) -> int:
        place = bisect_right(self._edges, number)
        return place - (bool(self._edges) and number == self._edges[-1])  # the last bucket is closed

    def _bits(self, key: Key) -> tuple[float, bool]:
        count = self._counts.get(key, 0)
        return log2(self._most / (count or _UNSEEN)), not count

    def distribution(self) -> NDArray[np.float64]:
        """How probable each number of steps is, from 0."""
        counts = {key: count for key, count in self._counts.items() if count}
        places = [ceil(self._bits(key)[0] * _STEPS) for key in counts]
        found = np.zeros(max(places) + 1)
        np.add.at(found, places, np.array([*counts.values()]) / sum(counts.values()))
        return found


def _quantile(distributions: list[NDArray[np.float64]], share: float) -> float:
    """The bits that a share of the sums of independent features does not exceed."""
    total = np.ones(1)
    for each in distributions:
        total = np.convolve(total, each)
    return float(np.searchsorted(np.cumsum(total), share)) / _STEPS
