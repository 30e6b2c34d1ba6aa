"""TFMA's five metrics, vectorised over all rows: what the gate uses when the rows are too many for TFMA.

Names and definitions are those of TensorFlow Model Analysis; the tests hold them equal to its results.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

METRICS = ("AUC", "Precision", "Recall", "ExampleCount", "BinaryAccuracy")
AUC_BUCKETS = 10_000
EPSILON = 1e-7


def binary_metrics(labels: NDArray[np.int8], probability: NDArray[np.float32], threshold: float) -> dict[str, float]:
    """Compute all of `METRICS` for one set of rows; precision and recall are NaN where they are undefined.

    Args:
        labels: Shape [n], 0 or 1.
        probability: Shape [n], in [0, 1].
        threshold: A row is predicted positive when its probability is above it.
    """
    positive = labels > 0
    predicted = probability > threshold
    hits = int(np.count_nonzero(positive & predicted))
    return {
        "AUC": _auc(positive, probability),
        "Precision": _ratio(hits, int(np.count_nonzero(predicted))),
        "Recall": _ratio(hits, int(np.count_nonzero(positive))),
        "ExampleCount": float(len(labels)),
        "BinaryAccuracy": _ratio(int(np.count_nonzero(positive == predicted)), len(labels)),
    }


def precision_at_top(labels: NDArray[np.int8], probability: NDArray[np.float32]) -> list[dict[str, float]]:
    """Return, for the top 5 %, 10 %, ... of the ranking, how many customers are targets and what share of all targets.

    `share` of all rows, `precision` within it, `recall` of all targets; ties in stable order.
    """
    ranked = np.cumsum(labels[np.argsort(-probability, kind="stable")] > 0)
    cuts = [(share, max(1, round(share * len(labels)))) for share in np.arange(0.05, 1.001, 0.05)]
    total = int(ranked[-1]) if len(ranked) else 0
    return [
        {
            "share": round(float(share), 2),
            "precision": _ratio(int(ranked[rows - 1]), rows),
            "recall": _ratio(int(ranked[rows - 1]), total),
        }
        for share, rows in cuts
        if rows <= len(ranked)
    ]


def _auc(positive: NDArray[np.bool_], probability: NDArray[np.float32]) -> float:
    """Return the area under the ROC curve as TFMA computes it: a histogram of the scores, then the trapezoidal rule.

    Scores fall into `AUC_BUCKETS` equal buckets of [0, 1], one more on each side; the lower edge of a bucket decides
    to which of as many evenly spaced thresholds its rows belong. With one class only the area is 0, not NaN: that too
    is TFMA's answer.
    """
    bucket = np.clip(np.floor(probability.astype(np.float64) * AUC_BUCKETS + 1), 0, AUC_BUCKETS + 1)
    edge = (bucket - 1) / AUC_BUCKETS
    edge[bucket == 0], edge[bucket > AUC_BUCKETS] = -np.inf, np.inf
    inner = np.arange(1, AUC_BUCKETS - 1, dtype=np.float64) / (AUC_BUCKETS - 1)
    thresholds = np.concatenate([[-EPSILON], inner, [1.0 + EPSILON]]) + EPSILON
    index = np.maximum(np.searchsorted(thresholds, edge, side="right") - 1, 0)
    rates = []
    for rows in (positive, ~positive):
        counts = np.bincount(index[rows], minlength=AUC_BUCKETS)
        rates.append(counts[::-1].cumsum()[::-1] / total if (total := counts.sum()) else np.full(AUC_BUCKETS, np.nan))
    true_rate, false_rate = (np.append(rate, 0.0) for rate in rates)
    return float(np.nansum((true_rate[:-1] + true_rate[1:]) / 2 * (false_rate[:-1] - false_rate[1:])))


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
