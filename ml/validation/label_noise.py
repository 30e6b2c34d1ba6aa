"""Customers with the same profile and another label: how noisy labels are, and what accuracy that leaves."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

MIN_TWINS = 100
"""Rows with a twin that are needed before agreement among twins is an estimate of anything."""


@dataclass(frozen=True)
class LabelNoise:
    """What profiles (the values of all features) that several rows share say about the labels.

    Attributes:
        profiles: Distinct profiles.
        shared: Those of at least two rows.
        conflicting: Those of them whose rows have more than one label.
        conflicting_rows: The rows of these.
        twins: The rows of the shared ones.
        agree: The chance that another row of the same profile agrees on being a target, averaged over the twins.
        by_chance: The same for two of the twins drawn at random.
        error: The standard error of `agree`, over profiles.
        ceiling: The accuracy that no classifier can exceed on customers like the twins.
    """

    profiles: int
    shared: int
    conflicting: int
    conflicting_rows: int
    twins: int
    agree: float
    by_chance: float
    error: float
    ceiling: float


def label_noise(table: NDArray[np.integer[Any]], positive: NDArray[np.bool_]) -> LabelNoise | None:
    """Return what the shared profiles say; None with fewer than `MIN_TWINS` rows in them, or without both classes.

    Two rows of a profile whose share of targets is p disagree with probability 2 p (1 - p), the error of the nearest
    neighbour. By Cover and Hart, "Nearest neighbor pattern classification" (1967), with its mean d no classifier has
    an accuracy above (1 + sqrt(1 - 2 d)) / 2.

    Args:
        table: How often each profile occurs with each class, [profiles, classes]; a profile without rows is none.
        positive: Which classes are targets, [classes].
    """
    rows = table.sum(axis=1, dtype=np.int64)
    shared = rows > 1
    twins = int(rows[shared].sum())
    targets = table[:, positive].sum(axis=1, dtype=np.int64)
    share = float(targets[shared].sum() / twins) if twins else 0.0
    if twins < MIN_TWINS or share in (0.0, 1.0):
        return None
    n, k = rows[shared].astype(np.float64), targets[shared].astype(np.float64)
    agreeing = (k * (k - 1) + (n - k) * (n - k - 1)) / (n - 1)  # the sum over the rows of a profile
    agree = float(agreeing.sum() / twins)
    conflicting = (table > 0).sum(axis=1) > 1
    return LabelNoise(
        profiles=int((rows > 0).sum()),
        shared=int(shared.sum()),
        conflicting=int(conflicting.sum()),
        conflicting_rows=int(rows[conflicting].sum()),
        twins=twins,
        agree=agree,
        by_chance=share**2 + (1 - share) ** 2,
        error=_standard_error(agreeing - agree * n, twins),
        ceiling=(1 + sqrt(max(0.0, 2 * agree - 1))) / 2,
    )


def _standard_error(residuals: NDArray[np.float64], rows: int) -> float:
    """Return the standard error of a ratio of sums over profiles, from each profile's residual."""
    return float(np.sqrt((residuals**2).sum()) / rows)
