"""The rules on a gain and its standard error, for numbers and for arrays of them; NaN passes none.

A gain is a difference of a metric with the sign that makes more better (`PairedDifference.gain`).
"""

from __future__ import annotations

from typing import Any

from ml.gate.paired.difference import z_of

NON_INFERIORITY_LEVEL = 0.05
"""Of "not worse within the margin", for a refresh and against the anchor: such a claim about a model that is worse by
the whole margin is wrong in so many looks."""
SLICES_LEVEL = 0.05
"""That of any slice, or any group, being blamed by chance alone in one look."""
LEAST_OF_A_CLASS = 10
"""A slice or a group is tested when it holds so many positives and so many negatives."""


def is_better(gain: Any, standard_error: Any, level: float) -> Any:
    """Return whether the lower bound of the gain is above 0."""
    return gain - z_of(level) * standard_error > 0


def is_worse(gain: Any, standard_error: Any, level: float) -> Any:
    """Return whether the upper bound of the gain is below 0."""
    return gain + z_of(level) * standard_error < 0


def is_not_worse(gain: Any, standard_error: Any, margin: float) -> Any:
    """Return whether the lower bound of the gain is no further below 0 than `margin`."""
    return gain - z_of(NON_INFERIORITY_LEVEL) * standard_error >= -margin


def holm(p_values: list[float]) -> list[float]:
    """Return the p-values after Holm's correction ("A simple sequentially rejective multiple test procedure", 1979)."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    corrected, highest = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected
