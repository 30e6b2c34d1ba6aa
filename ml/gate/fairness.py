"""Selection rate and calibration of one model in each group of customers, with or without a champion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.config.gate_settings import GateSettings
from ml.evaluation.slices import AGE_BAND, MISSING, SlicingColumns
from ml.gate.paired.compare import difference_of
from ml.gate.paired.contributions import BRIER
from ml.gate.paired.difference import NORMAL
from ml.gate.reason import Reason
from ml.gate.rules import LEAST_OF_A_CLASS, SLICES_LEVEL, holm

BY = ("Gender", "Ever_Married", AGE_BAND)
MEAN = BRIER
"""A gap of calibration is a plain mean, as this metric is."""


@dataclass(frozen=True)
class Fairness:
    """What was found in the groups.

    Attributes:
        concerns: A sentence for each bound that a group is beyond; they block with `gate.fairness = "block"`.
        details: The numbers of all groups, plain JSON values.
    """

    concerns: tuple[Reason, ...]
    details: Mapping[str, Any]


def fairness(
    labels: NDArray[np.int8],
    profiles: NDArray[np.uint64],
    probability: NDArray[np.float32],
    groups: SlicingColumns,
    *,
    threshold: float,
    settings: GateSettings,
) -> Fairness:
    """Compare what the model says of each group with what is true of it.

    A gap of calibration (mean probability less share of positives) is a concern when it is proven to be larger than
    `gate.calibration_gap`: p below 5 % after Holm's correction over the groups. A selection rate is a concern when the
    lowest of a column is less than `gate.selection_ratio` of its highest (0.8 is the four-fifths rule of the EEOC).
    Rows without a value count as no group; a group with few positives or negatives is only shown.

    Args:
        labels: Shape [n], 0 or 1.
        profiles: Shape [n]; rows with equal values are one cluster.
        probability: Shape [n], in [0, 1].
        groups: The slicing columns by name, [n] each; those in `BY` are looked at.
        threshold: A row is selected when its probability is above it.
        settings: The section `gate`.
    """
    found = [
        _group(column, value, groups[column].equals(value), labels, profiles, probability, threshold)
        for column in BY
        if column in groups
        for value in groups[column].values()
        if value != MISSING
    ]
    judged = [one for one in found if one["judged"]]
    corrected = holm([_p(one, settings.calibration_gap) for one in judged])
    for one, p in zip(judged, corrected, strict=True):
        one["p_beyond_bound"] = p
    concerns = [_calibration(one, settings.calibration_gap) for one in judged if one["p_beyond_bound"] < SLICES_LEVEL]
    ratios: dict[str, float | None] = {}
    for column in sorted({one["column"] for one in judged}):
        rates = {one["group"]: one["selection_rate"] for one in judged if one["column"] == column}
        low, high = min(rates, key=rates.__getitem__), max(rates, key=rates.__getitem__)
        ratios[column] = rates[low] / rates[high] if rates[high] else None
        if len(rates) > 1 and ratios[column] is not None and rates[low] < settings.selection_ratio * rates[high]:
            shares = f"{100 * rates[low]:.1f} % of {column}={low}, but {100 * rates[high]:.1f} % of {column}={high}"
            concerns.append(
                Reason(
                    "selection_rate",
                    f"The candidate selects {shares}: a ratio of {ratios[column]:.2f}, below "
                    f"{settings.selection_ratio:.2f} (gate.selection_ratio).",
                )
            )
    details = {
        "calibration_gap": settings.calibration_gap, "selection_ratio": settings.selection_ratio,
        "level": SLICES_LEVEL, "groups": found, "selection_ratios": ratios,
    }  # fmt: skip
    return Fairness(tuple(concerns), details)


def _group(
    column: str,
    value: str,
    mask: NDArray[np.bool_],
    labels: NDArray[np.int8],
    profiles: NDArray[np.uint64],
    probability: NDArray[np.float32],
    threshold: float,
) -> dict[str, Any]:
    positive, p = labels[mask] > 0, probability[mask]
    positives, rows = int(np.count_nonzero(positive)), int(np.count_nonzero(mask))
    _, cluster = np.unique(profiles[mask], return_inverse=True)
    gap, error = difference_of(MEAN, p.astype(np.float64) - positive, positive, cluster)
    return {
        "column": column,
        "group": value,
        "rows": rows,
        "positives": positives,
        "share_of_positives": positives / rows,
        "mean_probability": float(p.mean(dtype=np.float64)),
        "selection_rate": float((p > threshold).mean()),
        "calibration_gap": gap,
        "standard_error": error,
        "judged": min(positives, rows - positives) >= LEAST_OF_A_CLASS and not math.isnan(gap),
        "p_beyond_bound": None,
    }


def _p(group: Mapping[str, Any], bound: float) -> float:
    """Return the one-sided p-value of "the gap is within the bound"."""
    beyond, error = abs(group["calibration_gap"]) - bound, group["standard_error"]
    return NORMAL.cdf(-beyond / error) if error > 0 else 1.0


def _calibration(group: Mapping[str, Any], bound: float) -> Reason:
    return Reason(
        "calibration",
        f"In {group['column']}={group['group']} the mean probability is {group['mean_probability']:.3f}, but "
        f"{group['share_of_positives']:.3f} are targets: a gap of {group['calibration_gap']:+.3f}, proven to be beyond "
        f"{bound:.3f} (gate.calibration_gap; n={group['rows']}, p={group['p_beyond_bound']:.3f}).",
    )
