"""TFMA's numbers beside our own: nothing is judged by numbers that disagree."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.errors import FinalError
from ml.evaluation.metrics import METRICS, binary_metrics
from ml.evaluation.slices import SlicingColumns, slices
from ml.evaluation.tfma.analysis import SliceKey

AGREEMENT = 1e-6
"""TFMA and the vectorised metrics may differ by so much on the same rows; more is a bug, and stops the run."""


def agreeing_metrics(
    found: Mapping[str, Mapping[SliceKey, dict[str, float]]],
    labels: NDArray[np.int8],
    scores: Mapping[str, NDArray[np.float32]],
    groups: SlicingColumns,
    *,
    threshold: float,
) -> dict[str, Any]:
    """Return TFMA's overall numbers, after checking that ours are the same in every slice.

    Args:
        found: TFMA's metrics by model and slice (`ml.evaluation.tfma.analysis`).
        labels: Shape [n], 0 or 1.
        scores: Probabilities, float32 [n], by the name of the model.
        groups: What to slice by, each of shape [n].
        threshold: Above it a row counts as predicted positive.

    Raises:
        FinalError: A metric differs.
    """
    for selected_by, mask in slices(groups, len(labels)):
        key = tuple(selected_by.items())
        for name, probability in scores.items():
            ours, theirs = binary_metrics(labels[mask], probability[mask], threshold), found[name][key]
            _agree(ours, theirs, f"{name}, {selected_by or 'all rows'}")
    return {"rows": len(labels), **{name: found[name][()] for name in scores}}


def _agree(ours: dict[str, float], theirs: dict[str, float], where: str) -> None:
    for metric in METRICS:
        both_undefined = math.isnan(ours[metric]) and math.isnan(theirs[metric])
        if not both_undefined and not abs(ours[metric] - theirs[metric]) <= AGREEMENT:
            raise FinalError(
                f"{metric} of {where} is {theirs[metric]:.6f} to TFMA, {ours[metric]:.6f} to ml/evaluation/metrics.py.",
                "One of them is wrong; nothing is judged by numbers that disagree.",
            )
