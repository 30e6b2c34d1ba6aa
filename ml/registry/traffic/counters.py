"""How many questions a model server has answered and failed to answer, and how long the answers took."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Counters:
    """Running totals of one model on one server; they begin anew when it restarts.

    Attributes:
        failed: Questions that failed through no fault of the asker.
        latency: How many answers took at most so many microseconds and more than the bound before, by the bound.
    """

    failed: int = 0
    latency: Mapping[float, int] = field(default_factory=dict)

    @property
    def answered(self) -> int:
        """How many questions were answered."""
        return sum(self.latency.values())

    @property
    def questions(self) -> int:
        """How many questions were answered or failed."""
        return self.failed + self.answered

    @property
    def failed_share(self) -> float:
        """The share of the questions that failed; 0 without any."""
        return self.failed / self.questions if self.questions else 0.0

    def since(self, before: Counters) -> Counters:
        """Return what was counted after `before`. A counter that fell means a restart: then all of these are new."""
        if self.failed < before.failed or any(self.latency.get(bound, 0) < n for bound, n in before.latency.items()):
            return self
        latency = {bound: count - before.latency.get(bound, 0) for bound, count in self.latency.items()}
        return Counters(self.failed - before.failed, latency)

    def __add__(self, other: Counters) -> Counters:
        """Return both together."""
        latency = Counter(self.latency)
        latency.update(other.latency)
        return Counters(self.failed + other.failed, dict(latency))

    def median_ms(self) -> float:
        """Return the median time of an answer in milliseconds; NaN without answers.

        Within the bucket of the median the answers count as evenly spread, as in Prometheus's `histogram_quantile`; of
        the last bucket, which has no upper bound, the lower bound is returned.
        """
        rank, below, lower = self.answered / 2, 0, 0.0
        for bound, count in sorted(self.latency.items()):
            if count and below + count >= rank:
                upper = lower if math.isinf(bound) else bound
                return (lower + (upper - lower) * (rank - below) / count) / 1000
            below, lower = below + count, bound
        return math.nan

    def as_dict(self) -> dict[str, Any]:
        """Return the form in which a file holds it; buckets without an answer are left out."""
        return {"failed": self.failed, "latency": {str(b): n for b, n in sorted(self.latency.items()) if n}}

    @classmethod
    def of(cls, content: Any) -> Self:
        """Read what `as_dict` made.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: It is not that.
        """
        return cls(int(content["failed"]), {float(bound): int(n) for bound, n in content["latency"].items()})
