"""The numbers of a verdict from its rows, with numpy alone, by other formulas than those that made it.

Placement values come from a binary search instead of ranks, variances from one sum over profiles for each kind of row,
Holm's correction from a running maximum. Nothing here imports the paired tests: a mistake there is found here.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.scored_rows import ScoredRows

Floats = NDArray[np.float64]
LOSSES = ("LogLoss", "BrierScore")
BUCKETS = 10_000
"""Of the AUC among the metrics, as TFMA counts it; the paired AUC has no buckets."""


def z_of(level: float) -> float:
    """Return the normal quantile that leaves `level` above it."""
    return -NormalDist().inv_cdf(level)


def difference(
    scored: ScoredRows,
    models: NDArray[np.float32],
    metric: str,
    threshold: float,
    level: float,
    rows: NDArray[np.bool_],
    cut: float | None = None,
) -> dict[str, Any]:
    """Return value, error and bounds of a metric's difference between the candidate and the models' mean."""
    y, profiles = scored.labels[rows] == 1, scored.profiles[rows]
    ours = _per_row(metric, y, scored.candidate[rows], threshold, cut)
    theirs = [_per_row(metric, y, one[rows], threshold, cut) for one in models]
    counted = [y, ~y] if metric == "AUC" else [np.ones(len(y), dtype=bool)]
    pairs = np.array([value_and_error(ours - one, counted, profiles) for one in theirs])
    value, error = (float(column.sum() / len(theirs)) for column in pairs.T)
    gain = -value if metric in LOSSES else value
    return {
        "metric": metric,
        "candidate": float(np.mean(ours[counted[0]])) if counted[0].any() else math.nan,
        "reference": float(np.mean(np.mean(theirs, axis=0)[counted[0]])) if counted[0].any() else math.nan,
        "value": value,
        "standard_error": error,
        "gain": gain,
        "level": level,
        "lower": gain - z_of(level) * error,
        "upper": gain + z_of(level) * error,
        "rows": len(y),
        "clusters": len(np.unique(profiles)),
    }


def _per_row(
    metric: str, y: NDArray[np.bool_], score: NDArray[np.float32], threshold: float, cut: float | None
) -> Floats:
    p = score.astype(np.float64)
    if metric == "AUC":
        share = np.full(len(p), np.nan)
        if y.any() and not y.all():
            share[y], share[~y] = _share_below(p[y], p[~y]), 1 - _share_below(p[~y], p[y])
        return share
    if metric == "LogLoss":
        of_truth = np.where(y, p, 1 - p)
        return np.asarray(-np.log(np.minimum(np.maximum(of_truth, 1e-7), 1 - 1e-7)), dtype=np.float64)
    if metric == "BrierScore":
        return np.asarray(np.abs(p - y) ** 2, dtype=np.float64)
    if metric == "BinaryAccuracy":
        return np.where(score > threshold, y, ~y).astype(np.float64)
    if metric == "Profit" and cut is not None:
        return np.asarray((p > cut) * (y.astype(np.float64) - cut), dtype=np.float64)
    raise ValueError(f"unknown metric {metric!r}")


def _share_below(ones: Floats, others: Floats) -> Floats:
    """Return for each score the share of the others that are lower, with half of the equal ones."""
    ordered = np.sort(others)
    below, up_to = (np.searchsorted(ordered, ones, side) for side in ("left", "right"))
    return np.asarray((below + up_to) / (2 * len(others)), dtype=np.float64)


def value_and_error(each: Floats, kinds: list[NDArray[np.bool_]], profiles: NDArray[np.uint64]) -> tuple[float, float]:
    """Return the mean over the first kind of row, and its error: the variance of a sum over independent profiles."""
    if not len(each) or np.isnan(each).any():
        return math.nan, math.nan
    if np.max(np.abs(each)) <= 1e-12:
        return 0.0, 0.0
    value = float(np.mean(each[kinds[0]]))
    order = np.argsort(profiles, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(profiles[order]) != 0])
    shares, sizes = [], []
    for kind in kinds:
        share = np.where(kind, each - value, 0.0) / np.count_nonzero(kind)
        shares.append(np.add.reduceat(share[order], starts))
        sizes.append(len(np.unique(profiles[kind])))
    if min(sizes) < 2:
        return math.nan, math.nan
    variance = sum(size / (size - 1) * np.sum(share**2) for size, share in zip(sizes, shares, strict=True))
    if len(kinds) == 2:
        variance += 2 * len(starts) / (len(starts) - 1) * np.sum(shares[0] * shares[1])
    return (value, math.sqrt(variance)) if variance > (1e-9 * np.max(np.abs(each))) ** 2 else (math.nan, math.nan)


def five_metrics(labels: NDArray[np.int8], score: NDArray[np.float32], threshold: float) -> dict[str, float]:
    """Return TFMA's five metrics: its AUC has the scores in `BUCKETS` buckets, cut at as many thresholds."""
    y, chosen = labels == 1, score > threshold
    hits = float(np.sum(y & chosen))
    edges = np.floor(score.astype(np.float64) * BUCKETS).clip(0, BUCKETS) / BUCKETS
    cuts = np.arange(1, BUCKETS - 1) / (BUCKETS - 1) + 1e-7
    bucket = np.searchsorted(cuts, edges, side="right").astype(np.float64)
    bucket[edges >= 1] = BUCKETS
    one_class = bool(y.all() or not y.any())
    return {
        "AUC": 0.0 if one_class else float(np.mean(_share_below(bucket[y], bucket[~y]))),
        "Precision": hits / float(chosen.sum()) if chosen.any() else math.nan,
        "Recall": hits / float(y.sum()) if y.any() else math.nan,
        "ExampleCount": float(len(y)),
        "BinaryAccuracy": float(np.mean(y == chosen)),
    }


def holm(p_values: list[float]) -> list[float]:
    """Return the p-values after Holm's correction."""
    p = np.array(p_values)
    order = np.argsort(p, kind="stable")
    running = np.maximum.accumulate(np.minimum(1.0, p[order] * (len(p) - np.arange(len(p)))))
    corrected = np.empty(len(p))
    corrected[order] = running
    return [float(value) for value in corrected]
