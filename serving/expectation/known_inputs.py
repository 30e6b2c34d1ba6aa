"""What a version knows of each of its inputs: the categories it has seen, the range of a number, the drift allowed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from serving.tables.category_spelling import spellings


@dataclass(frozen=True)
class KnownInput:
    """One input.

    Attributes:
        values: The categories that the model has weights for; None for a number.
        counts: How many training rows had each of the values, or a number in each of the buckets between the `edges`.
        edges: The edges of ten equal buckets from the smallest to the largest number in training; empty for a category.
        low: The smallest number that the schema allows; None for a category.
        high: The largest one.
        missing: Whether values were missing in training, so that the model has a weight for that.
        drift_threshold: The distance to the training data that chance alone explains when the file and the data have
            `drift_rows` rows each (L-infinity for a category, Jensen-Shannon for a number); None when there is none.
        drift_rows: The rows for which that threshold was calibrated.
    """

    values: list[str] | None
    counts: list[int]
    edges: list[float]
    low: float | None
    high: float | None
    missing: bool
    drift_threshold: float | None
    drift_rows: int

    def as_dict(self) -> dict[str, Any]:
        """Return the form in which evaluation.json holds it."""
        return asdict(self)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> KnownInput:
        """Read what `as_dict` made.

        Raises:
            ValueError, KeyError, TypeError: It is not that.
        """
        values = content["values"]
        return cls(
            None if values is None else [str(value) for value in values],
            [max(0, int(count)) for count in content["counts"]],
            sorted(float(edge) for edge in content["edges"]),
            _number(content["low"]),
            _number(content["high"]),
            bool(content["missing"]),
            _number(content["drift_threshold"]),
            max(1, int(content["drift_rows"])),
        )


def known_spellings(inputs: Mapping[str, KnownInput]) -> dict[str, dict[str, str]]:
    """Return the known categories of each input by their folded form."""
    return {name: spellings(known.values) for name, known in inputs.items() if known.values is not None}


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("a limit is not finite")
    return number
