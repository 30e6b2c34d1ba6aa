"""The background of a version: a few weighted rows that stand for the customers it was trained on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.reasons.columns import Instance, columns_of
from serving.reasons.mixed_rows import Columns

NAME = "background.json"
MOST_ROWS = 15
"""So many rows at most: 500 customers are explained through a server in under 20 seconds with them."""
_SUM = 1e-6


@dataclass(frozen=True)
class BackgroundError:
    """How far Shapley values with the background are from those with a reference background.

    It was measured on customers that had no part in the choice of the background.

    Attributes:
        reference_rows: The rows of the reference, which count alike.
        customers: How many customers were explained with both.
        mean: The mean absolute difference of a value, as a probability; None when nothing could be measured.
        largest: The largest one.
        same_first: For which share of the customers the feature of the largest value is the same, 0..1.
    """

    reference_rows: int
    customers: int
    mean: float | None
    largest: float | None
    same_first: float | None


@dataclass(frozen=True)
class Background:
    """The rows, in the order of `weights`.

    Attributes:
        instances: At most `MOST_ROWS` rows, feature name to value; None for a missing number, "" for a missing text.
        numbers: The features that are numbers.
        weights: Not negative, of sum 1.
        scores: What the version answers to each row, in [0, 1].
        error: How far its Shapley values are from those with a larger background.
    """

    instances: tuple[Instance, ...]
    numbers: tuple[str, ...]
    weights: tuple[float, ...]
    scores: tuple[float, ...]
    error: BackgroundError

    @property
    def features(self) -> list[str]:
        """The names of the features, in the order of the Shapley values."""
        return [*self.instances[0]]

    @property
    def mean(self) -> float:
        """The weighted mean of the scores: the score that the values of a customer lead away from."""
        return math.fsum(weight * score for weight, score in zip(self.weights, self.scores, strict=True))

    @property
    def columns(self) -> Columns:
        """The rows by feature."""
        return columns_of(self.instances, self.features, self.numbers)

    @property
    def weight(self) -> NDArray[np.float64]:
        """The weights, shape [m]."""
        return np.array(self.weights, dtype=np.float64)

    def as_dict(self) -> dict[str, Any]:
        """Return the form in which `NAME` holds it."""
        return {
            "features": self.features,
            "numbers": list(self.numbers),
            "rows": [list(row.values()) for row in self.instances],
            "weights": list(self.weights),
            "scores": list(self.scores),
            "mean": self.mean,
            "error": {
                "reference_rows": self.error.reference_rows,
                "customers": self.error.customers,
                "mean": self.error.mean,
                "largest": self.error.largest,
                "same_first": self.error.same_first,
            },
        }

    @classmethod
    def of(cls, content: Any) -> Background:
        """Read what `as_dict` made.

        Raises:
            ValueError, KeyError, TypeError: It is not that.
        """
        features = [str(name) for name in content["features"]]
        numbers = tuple(name for name in features if name in content["numbers"])
        weights, scores = _numbers(content["weights"]), _numbers(content["scores"])
        rows = [_row(features, numbers, values) for values in content["rows"]]
        if not 1 <= len(rows) <= MOST_ROWS or not len(rows) == len(weights) == len(scores):
            raise ValueError(f"it does not have 1 to {MOST_ROWS} rows with a weight and a score each")
        if not features or len({*features}) != len(features):
            raise ValueError("it has no features, or one of them twice")
        if min(weights) < 0 or abs(math.fsum(weights) - 1) > _SUM:
            raise ValueError("its weights are negative, or their sum is not 1")
        error = content["error"]
        told = [
            None if error[name] is None else _numbers([error[name]])[0] for name in ("mean", "largest", "same_first")
        ]
        measured = BackgroundError(int(error["reference_rows"]), int(error["customers"]), *told)
        return cls(tuple(rows), numbers, weights, scores, measured)


def read_background(path: Path) -> Background:
    """Read a background file.

    Raises:
        ValueError, KeyError, TypeError, RecursionError: It is none.
        OSError: It cannot be read.
    """
    return Background.of(json.loads(path.read_bytes()))


def _numbers(values: Sequence[Any]) -> tuple[float, ...]:
    try:
        found = tuple(float(value) for value in values)
    except (ValueError, TypeError, OverflowError):  # their messages repeat the value, which is a customer's
        raise ValueError("it holds something else where a number should be") from None
    if not all(map(math.isfinite, found)):
        raise ValueError("it holds a number that is not finite")
    return found


def _row(features: Sequence[str], numbers: Sequence[str], values: Sequence[Any]) -> Mapping[str, object]:
    row: dict[str, object] = {}
    for name, value in zip(features, values, strict=True):
        if name in numbers:
            row[name] = None if value is None else _numbers([value])[0]
        elif isinstance(value, str):
            row[name] = value
        else:
            raise TypeError(f"a value of {name} is no text")
    return row
