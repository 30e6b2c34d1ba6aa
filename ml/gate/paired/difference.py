"""The difference of a metric between a candidate and its references, and what may be concluded from it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

from ml.gate.paired.contributions import SIGN

NORMAL = NormalDist()


def z_of(level: float) -> float:
    """Return how many standard errors a one-sided bound at `level` is away, e.g. 1.645 for 0.05."""
    return NORMAL.inv_cdf(1 - level)


@dataclass(frozen=True)
class PairedDifference:
    """Candidate less reference on the same rows.

    Value and standard error are both NaN when nothing can be concluded: no rows, one class only (AUC), fewer than two
    clusters, or a difference without any spread. Equal contributions are a difference of exactly 0 with a standard
    error of 0. A comparison with NaN is false, so no rule takes an undefined difference for evidence of anything.

    Attributes:
        metric: One of `ml.gate.paired.contributions.METRICS`.
        value: The metric of the candidate less that of the reference.
        standard_error: Of `value`, clustered by customer profile.
        rows: Rows compared.
        clusters: Distinct profiles among them.
        candidate: The metric of the candidate.
        reference: The metric of the reference.
    """

    metric: str
    value: float
    standard_error: float
    rows: int
    clusters: int
    candidate: float
    reference: float

    @property
    def gain(self) -> float:
        """The difference with the sign of a gain: above 0 the candidate is the better one, for a loss too."""
        return SIGN[self.metric] * self.value

    @property
    def defined(self) -> bool:
        """Whether anything can be concluded."""
        return self.value == self.value and self.standard_error == self.standard_error

    def lower(self, level: float) -> float:
        """Return the lower bound of the gain: a smaller true gain gives such a result with at most `level`."""
        return self.gain - z_of(level) * self.standard_error

    def upper(self, level: float) -> float:
        """Return the upper bound of the gain, one-sided as `lower` is."""
        return self.gain + z_of(level) * self.standard_error

    def interval(self, level: float) -> tuple[float, float]:
        """Return both one-sided bounds of the value itself, the lower one first."""
        width = z_of(level) * self.standard_error
        return self.value - width, self.value + width

    def p_worse(self) -> float:
        """Return the one-sided p-value of the null hypothesis "not worse"; 1 when there is no difference to see."""
        if not self.defined:
            return float("nan")
        return NORMAL.cdf(self.gain / self.standard_error) if self.standard_error > 0 else 1.0
