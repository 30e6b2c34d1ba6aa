"""Paired differences of two models on the evaluation rows that both were scored on, whichever runs scored them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.scored_rows import ScoredRows
from ml.gate.paired.compare import compare
from ml.gate.paired.contributions import METRICS
from ml.gate.paired.difference import z_of

LEVEL = 0.025
"""Of each bound: between the two lies the true difference in 95 of 100 cases."""


def paired_differences(one: Path, other: Path, *, threshold: float) -> dict[str, dict[str, float]]:
    """Return for each metric the second model's less the first one's on their common rows, with a 95 % interval.

    Standard errors are clustered by customer profile (`ml.gate.paired`). A difference that is undefined is left out;
    the answer is empty when no row is common.

    Args:
        one: The scored rows of the first model (`ScoredRows`); it is the candidate there.
        other: Those of the second.
        threshold: A row is predicted positive when its probability is above it.

    Raises:
        FinalError: A file does not hold scored rows.
    """
    ours, theirs = ScoredRows.read(one), ScoredRows.read(other)
    rows, mine, his = common(ours, theirs)
    if not len(rows):
        return {}
    found: dict[str, dict[str, float]] = {}
    for metric in METRICS:
        labels, profiles = ours.labels[rows], ours.profiles[rows]
        difference = compare(metric, labels, profiles, his, mine[None], threshold=threshold)
        if difference.defined:
            half = z_of(LEVEL) * difference.standard_error
            found[metric] = {
                "value": difference.value,
                "lower": difference.value - half,
                "upper": difference.value + half,
                "standard_error": difference.standard_error,
                "rows": difference.rows,
                "clusters": difference.clusters,
            }
    return found


def common(ours: ScoredRows, theirs: ScoredRows) -> tuple[NDArray[np.intp], NDArray[Any], NDArray[Any]]:
    """Return which rows of `ours` are in `theirs` too, [m], and the scores of both for them, float32 [m] each.

    Rows with equal hashes have equal features and labels, so a model gives them one score.
    """
    known, first = np.unique(theirs.rows, return_index=True)
    place = np.searchsorted(known, ours.rows).clip(max=max(len(known) - 1, 0))
    rows = np.flatnonzero(known[place] == ours.rows) if len(known) else np.array([], dtype=np.intp)
    return rows, ours.candidate[rows], theirs.candidate[first[place[rows]]]
