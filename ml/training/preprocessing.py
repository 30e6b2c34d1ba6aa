"""How a raw feature becomes numbers: fitted on train once, applied by NumPy here and by TensorFlow in the served graph.

- category (text): one-hot over the values seen in train, and a slot for missing or unseen; ASCII letter case and ASCII
  blanks around a text make no difference (`serving.tables.category_spelling`)
- steps (Family_Size): one-hot over the common whole numbers, what is larger counts as the largest, and a slot for
  missing
- pieces (Age): one number for each piece between quantiles of train: how far the value has come through it, 0 to 1;
  the mean stands for a missing one
- scaled (Work_Experience): (value - mean) / deviation, 0 when missing, and a slot for missing; a value beyond those of
  train counts as the nearest of them, since nothing was learnt about how far a line goes on

A slot for missing exists only when train had missing values: an input that was never on has untrained weights.
Pieces are the piecewise linear encoding of Gorishniy et al., "On Embeddings for Numerical Features in Tabular Deep
Learning" (2022).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.data.features import CATEGORICAL, FEATURES, transformed
from ml.storage.files import read_json, write_json
from serving.tables.category_spelling import fold, spellings

KINDS = dict.fromkeys(CATEGORICAL, "category") | {
    "Age": "pieces",
    "Work_Experience": "scaled",
    "Family_Size": "steps",
}
PIECES = 10
MIN_ROWS_OF_A_STEP = 30
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class FeatureEncoding:
    """The fitted encoding of one feature; only the fields of its kind are filled.

    `numbers` are the edges of pieces, the values of steps, or the smallest and the largest value of what is scaled.
    """

    name: str
    kind: str
    values: list[str]
    numbers: list[float]
    mean: float
    deviation: float
    missing: bool

    @property
    def width(self) -> int:
        """The number of network inputs that the feature becomes."""
        slots = {"category": len(self.values), "steps": len(self.numbers), "pieces": len(self.numbers) - 1, "scaled": 1}
        return slots[self.kind] + self.missing

    @property
    def fill(self) -> float:
        """The number that stands for a missing one: the mean, or for steps a value that is not among them."""
        return -1.0 if self.kind == "steps" else self.mean

    def apply(self, column: NDArray[Any]) -> Floats:
        """Return float32 [n, width] for text (object, "" where missing) or numbers (NaN or negative where missing)."""
        if self.kind == "category":
            folded = np.array([fold(value) for value in self.values], dtype=object)
            known = _folded(column)[:, None] == folded[None, :]
            parts, missing = known, ~known.any(axis=1)
        else:
            number = column.astype(np.float32)
            missing = ~(number >= 0)
            parts = self._numbers(np.where(missing, np.float32(self.fill), number))
        stacked = np.concatenate([parts, missing[:, None]], axis=1) if self.missing else parts
        return np.asarray(stacked, dtype=np.float32)

    def _numbers(self, number: Floats) -> NDArray[Any]:
        fitted = np.array(self.numbers, dtype=np.float32)
        if self.kind == "steps":
            return np.asarray(np.minimum(number, fitted[-1])[:, None] == fitted[None, :])
        if self.kind == "pieces":
            way = (number[:, None] - fitted[None, :-1]) / np.diff(fitted)[None, :]
            return np.asarray(np.clip(way, 0, 1))
        inside = np.clip(number, fitted[0], fitted[-1])
        return ((inside - np.float32(self.mean)) / np.float32(self.deviation))[:, None]


@dataclass(frozen=True)
class Encoding:
    """The fitted encodings in the order of `FEATURES`."""

    features: list[FeatureEncoding]

    @property
    def width(self) -> int:
        """The number of inputs of the network."""
        return sum(feature.width for feature in self.features)

    def apply(self, columns: Mapping[str, NDArray[Any]]) -> dict[str, Floats]:
        """Return float32 [n, width] for every feature, by its transformed name (`NAME_xf`)."""
        return {transformed(f.name): f.apply(columns[f.name]) for f in self.features}

    def write(self, path: Path) -> None:
        """Write the encoding as JSON."""
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> Encoding:
        """Read what `write` wrote."""
        return cls([FeatureEncoding(**feature) for feature in read_json(path)["features"]])


class Fitter:
    """Counts values of the train rows batch by batch; memory grows with distinct values, not with rows.

    Counts of several parts of the rows are merged into those of all.
    """

    def __init__(self) -> None:
        self._counts: dict[str, Counter[Any]] = {name: Counter() for name in FEATURES}
        self._missing: Counter[str] = Counter()

    def add(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Count one batch; the columns are as for `FeatureEncoding.apply`."""
        for name in FEATURES:
            column = columns[name].astype(str if KINDS[name] == "category" else np.float32)
            self.count(name, *np.unique(column, return_counts=True))

    def count(self, name: str, values: NDArray[Any], counts: NDArray[np.int64]) -> None:
        """Count distinct values of one feature, as for `FeatureEncoding.apply`, that occur so often."""
        is_missing = values == "" if KINDS[name] == "category" else ~(values.astype(np.float32) >= 0)
        self._missing[name] += int(counts[is_missing].sum())
        present, often = values[~is_missing], counts[~is_missing]
        if KINDS[name] != "category":
            present = np.round(present.astype(np.float64), 2)  # bounds the number of distinct values
        for value, count in zip(present.tolist(), often.tolist(), strict=True):
            if count:
                self._counts[name][value] += count

    def merge(self, other: Fitter) -> None:
        """Add what another one has counted."""
        for name, counts in other._counts.items():
            self._counts[name].update(counts)
        self._missing.update(other._missing)

    def as_dict(self) -> dict[str, Any]:
        """Return what was counted as JSON values."""
        return {
            "counts": {name: list(counts.items()) for name, counts in self._counts.items()},
            "missing": dict(self._missing),
        }

    @classmethod
    def from_dict(cls, counted: Mapping[str, Any]) -> Fitter:
        """Return one that has counted what another one's `as_dict` holds."""
        fitter = cls()
        for name, counts in counted["counts"].items():
            fitter._counts[name].update(dict(counts))
        fitter._missing.update(counted["missing"])
        return fitter

    def fitted(self) -> Encoding:
        """Return the encoding of what was counted; it does not depend on the order or the size of the batches."""
        return Encoding([self._fit(name) for name in FEATURES])

    def _fit(self, name: str) -> FeatureEncoding:
        kind, missing = KINDS[name], self._missing[name] > 0
        if kind == "category":
            # One of each spelling: what the schema knows has come in its own, what it does not know may have several.
            categories = sorted(spellings(self._counts[name]).values())
            return FeatureEncoding(name, kind, categories, [], 0.0, 1.0, missing)
        values = np.array(sorted(self._counts[name]), dtype=np.float64)
        counts = np.array([self._counts[name][value] for value in values], dtype=np.float64)
        if not len(values):  # never seen a number: the feature says nothing but that
            values, counts = np.array([0.0, 1.0]), np.array([1.0, 1.0])
        mean = float(np.average(values, weights=counts))
        deviation = float(np.sqrt(np.average((values - mean) ** 2, weights=counts))) or 1.0
        numbers: list[float] = []
        if kind == "steps":
            whole = sorted({round(v) for v, c in zip(values, counts, strict=True) if c >= MIN_ROWS_OF_A_STEP})
            numbers = [float(v) for v in whole] or [float(round(values[0]))]
        elif kind == "pieces":
            numbers = _quantiles(values, counts, PIECES)
        else:
            numbers = [float(values[0]), float(values[-1])]
        return FeatureEncoding(name, kind, [], numbers, mean, deviation, missing)


def _folded(column: NDArray[Any]) -> NDArray[Any]:
    texts = column.tolist()
    folded = {text: fold(text) for text in set(texts)}
    return np.array([folded[text] for text in texts], dtype=object)


def _quantiles(values: NDArray[np.float64], counts: NDArray[np.float64], pieces: int) -> list[float]:
    """Return at most `pieces` + 1 strictly rising edges between which lie equal shares of the rows."""
    position = np.searchsorted(np.cumsum(counts), np.arange(pieces + 1) / pieces * counts.sum(), side="left")
    edges = sorted(set(values[np.minimum(position, len(values) - 1)].tolist()))
    return edges if len(edges) > 1 else [edges[0], edges[0] + 1.0]
