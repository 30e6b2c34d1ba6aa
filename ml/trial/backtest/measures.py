"""What served, measured on rows that neither a model nor a policy saw: AUC, log loss, profit, the names on the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ml.gate.paired.compare import difference_of
from ml.gate.paired.contributions import AUC, LOG_LOSS, PROFIT, contributions
from ml.gate.paired.difference import z_of

TOP_SHARE = 0.1
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value, and its two-sided interval over other customers like those of the future, for these very models."""

    value: float
    low: float
    high: float


class Future:
    """The rows of the future, and what each week's candidate says of them."""

    def __init__(
        self,
        labels: NDArray[np.int8],
        profiles: NDArray[np.uint64],
        scores: NDArray[np.float32],
        *,
        cut: float | None = None,
    ) -> None:
        """Take labels [n], profiles [n] and probabilities [weeks, n]; both classes are among the labels.

        With a `cut`, above which a contact pays, `PROFIT` is measured too, in values of a target for each customer.
        """
        self._positive = labels > 0
        _, self._cluster = np.unique(profiles, return_inverse=True)
        self.rows, self.profiles = len(labels), int(self._cluster.max()) + 1
        self.targets = int(np.count_nonzero(self._positive))
        # The threshold matters to none of the metrics.
        self._each = {
            metric: np.stack([contributions(metric, labels, one, 0.5, cut) for one in scores])
            for metric in (AUC, LOG_LOSS, *([PROFIT] if cut is not None else []))
        }
        self.top = max(1, round(TOP_SHARE * len(labels)))
        self._lists = [frozenset(np.argsort(-one, kind="stable")[: self.top].tolist()) for one in scores]

    def mean(self, metric: str, serving: Sequence[int]) -> Estimate:
        """Return the mean of a metric over the weeks, of what served in each."""
        return self._estimate(metric, self._over(metric, serving))

    def difference(self, metric: str, serving: Sequence[int], other: Sequence[int]) -> Estimate:
        """Return that mean less the other's, paired by row."""
        return self._estimate(metric, self._over(metric, serving) - self._over(metric, other))

    def by_week(self, metric: str, serving: Sequence[int]) -> list[float]:
        """Return the metric of what served in each week."""
        each = self._each[metric][:, self._positive] if metric == AUC else self._each[metric]
        return [float(each[week - 1].mean()) for week in serving]

    def changes(self, serving: Sequence[int]) -> list[int]:
        """Return for each week but the first how many names of the top share were not there the week before."""
        lists = [self._lists[week - 1] for week in serving]
        return [len(now - before) for before, now in pairwise(lists)]

    def _over(self, metric: str, serving: Sequence[int]) -> NDArray[np.float64]:
        return np.asarray(self._each[metric][np.array(serving) - 1].mean(axis=0))

    def _estimate(self, metric: str, contributed: NDArray[np.float64]) -> Estimate:
        """By the clustered error of the paired tests, which holds for a mean of models as for one."""
        value, error = difference_of(metric, contributed, self._positive, self._cluster)
        width = z_of((1 - CONFIDENCE) / 2) * error
        return Estimate(value, value - width, value + width)
