"""The numbers behind the drawings of a model: ROC, precision and recall, calibration, deciles, and their intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.gate.paired.compare import difference_of
from ml.gate.paired.contributions import AUC, Floats, contributions
from ml.gate.paired.difference import z_of

LEVEL = 0.025
"""On each side of the intervals in the drawings: they hold 95 %."""
POINTS = 200
"""At most so many points of a curve are drawn."""
GROUPS = 10


@dataclass(frozen=True)
class Curves:
    """What a threshold that falls from 1 to 0 passes through.

    Attributes:
        false_positive_rate: Shape [k], rising from 0 to 1.
        recall: Shape [k], the true positive rate, rising from 0 to 1.
        precision: Shape [k]; that of the first point is that of the second, where nobody is selected.
    """

    false_positive_rate: Floats
    recall: Floats
    precision: Floats


def curves_of(labels: NDArray[np.int8], score: NDArray[np.float32]) -> Curves | None:
    """Return the curves, thinned to `POINTS`; None when a class is missing. Equal scores are passed at once."""
    order = np.argsort(-score, kind="stable")
    positive = labels[order] > 0
    last_of_equals = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    hits = np.cumsum(positive)[last_of_equals].astype(np.float64)
    selected = last_of_equals + 1.0
    total, others = float(positive.sum()), float((~positive).sum())
    if not total or not others:
        return None
    keep = np.unique(np.linspace(0, len(hits) - 1, POINTS).round().astype(int))
    precision = hits / selected
    return Curves(
        np.append(0.0, ((selected - hits) / others)[keep]),
        np.append(0.0, (hits / total)[keep]),
        np.append(precision[:1], precision[keep]),
    )


@dataclass(frozen=True)
class Group:
    """Rows with neighbouring scores.

    Attributes:
        rows: How many.
        positives: Targets among them.
        mean: Their mean score.
    """

    rows: int
    positives: int
    mean: float

    @property
    def share(self) -> float:
        """The share of targets."""
        return self.positives / self.rows

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of that share.

        Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
        """
        z, n, p = z_of(LEVEL), self.rows, self.share
        centre, width = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return float((centre - width) / (1 + z * z / n)), float((centre + width) / (1 + z * z / n))


def groups_of(labels: NDArray[np.int8], score: NDArray[np.float32]) -> list[Group]:
    """Return `GROUPS` equally large groups of rows, that with the highest scores first; ties in stable order."""
    order = np.argsort(-score, kind="stable")
    parts = [part for part in np.array_split(order, GROUPS) if len(part)]
    return [
        Group(len(part), int(np.count_nonzero(labels[part])), float(score[part].mean(dtype=np.float64)))
        for part in parts
    ]


@dataclass(frozen=True)
class Estimate:
    """A metric with its 95 % interval, clustered by customer profile; NaN where it is not defined."""

    value: float
    low: float
    high: float


def auc_of(labels: NDArray[np.int8], profiles: NDArray[np.uint64], score: NDArray[np.float32]) -> Estimate:
    """Return the area under the ROC curve by DeLong's placement values; the interval is cut to 0..1."""
    positive = labels > 0
    of_rows = contributions(AUC, labels, score, 0.5)
    _, cluster = np.unique(profiles, return_inverse=True)
    value, error = difference_of(AUC, of_rows, positive, cluster)
    width = z_of(LEVEL) * error
    return Estimate(value, max(0.0, value - width), min(1.0, value + width))
