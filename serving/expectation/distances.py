"""How far a file is from the data of a version, by the two distances of TFDV and without TFDV.

The reference comes with the version: of a category how often each value occurred in training, of a number a histogram
of ten equal buckets; missing values count in neither. L-infinity is the largest difference of a share. The
Jensen-Shannon divergence (base 2) compares the shares of the buckets, and of what is below and above all of them. What
chance alone explains comes from the schema's thresholds: L-infinity falls with the square root of the number of rows,
Jensen-Shannon with the number itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log2, sqrt

from serving.expectation.known_inputs import KnownInput

_OTHER = "\0other"


@dataclass(frozen=True)
class Distance:
    """The distance of one column of a file.

    Attributes:
        column: Its name.
        kind: `L-infinity distance` or `Jensen-Shannon divergence`.
        value: Between 0 and 1.
        by_chance: What a file of as many rows from the same customers stays below, in all but one of a thousand.
    """

    column: str
    kind: str
    value: float
    by_chance: float

    @property
    def is_far(self) -> bool:
        """Whether chance does not explain the distance."""
        return self.value > self.by_chance


@dataclass
class FileDistances:
    """The distances of a file, whose values are added row by row; memory does not grow with the rows.

    Attributes:
        inputs: What the version knows of each input.
    """

    inputs: Mapping[str, KnownInput]
    _seen: dict[str, Counter[str | int]] = field(default_factory=dict)

    def add(self, name: str, value: str | float, count: int) -> None:
        """Count a value of a column that is not missing and occurs `count` times."""
        known = self.inputs.get(name)
        if known is None:
            return
        key: str | int = str(value)
        if known.values is None:
            place = bisect_right(known.edges, float(value))
            # The last bucket is closed: what equals its upper edge is in it.
            key = place - (bool(known.edges) and value == known.edges[-1])
        elif key not in known.values:
            key = _OTHER
        self._seen.setdefault(name, Counter())[key] += count

    def measured(self) -> list[Distance]:
        """The distance of each column that has a reference and at least one value in the file."""
        found = []
        for name, known in self.inputs.items():
            seen, rows = self._seen.get(name), sum(known.counts)
            if not seen or known.drift_threshold is None or not rows:
                continue
            keys: list[str | int] = [*(known.values or range(1, len(known.counts) + 1))]
            theirs = {key: count / rows for key, count in zip(keys, known.counts, strict=True)}
            ours = {key: count / seen.total() for key, count in seen.items()}
            more = max(1.0, (1 / seen.total() + 1 / rows) / (2 / known.drift_rows))
            if known.values is not None:
                value = max(abs(ours.get(key, 0.0) - theirs.get(key, 0.0)) for key in {*ours, *theirs})
                found.append(Distance(name, "L-infinity distance", value, known.drift_threshold * sqrt(more)))
            else:
                value = _jensen_shannon(ours, theirs)
                found.append(Distance(name, "Jensen-Shannon divergence", value, known.drift_threshold * more))
        return found


def _jensen_shannon(ours: Mapping[str | int, float], theirs: Mapping[str | int, float]) -> float:
    total = 0.0
    for key in {*ours, *theirs}:
        p, q = ours.get(key, 0.0), theirs.get(key, 0.0)
        middle = (p + q) / 2
        total += sum(share * log2(share / middle) / 2 for share in (p, q) if share)
    return total
