"""What a list of scored customers is worth: calibrated probabilities, and an interval for the targets among them.

The probability of a network is put right by Platt's calibration (Platt, "Probabilistic Outputs for Support Vector
Machines", 1999): the target's log-odds are a straight line in the log-odds of the probability. The line is fitted on
the evaluation rows of a version, on which the network was not trained; its coefficients and their covariance come with
the release.

The expected share of a list is the mean calibrated probability of its rows. The number of targets among n rows with
known, different probabilities has a Poisson-binomial distribution; that the line is only estimated adds the variance
g' V g of the delta method, where g is the gradient of the mean with respect to the coefficients and V their covariance.
The interval holds both: it is the central 95 % of Poisson-binomial distributions that are mixed over the line's own
uncertainty, and for many rows the normal distribution of the same variance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

NORMAL_95 = 1.96
_EXACT_ROWS = 500
"""Up to so many rows the distribution is computed exactly; beyond, the normal distribution stands for it."""
_NODES = 9
_SMALLEST = 1e-6
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Expectation:
    """What to expect of a list.

    Attributes:
        share: The expected share of targets.
        low: The lower end of its interval, which is one of 95 % if nobody asked for another.
        high: Its upper end.
    """

    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Calibration:
    """The line from the log-odds of a network to those of a target.

    Attributes:
        intercept: Its value at probability 0.5.
        slope: Its slope; 1 and intercept 0 leave every probability as it is.
        covariance: Of intercept and slope, shape [2, 2].
        rows: The evaluation rows on which it was fitted.
    """

    intercept: float
    slope: float
    covariance: tuple[tuple[float, float], tuple[float, float]]
    rows: int

    def as_dict(self) -> dict[str, Any]:
        """Return the form in which evaluation.json holds it."""
        return {
            "intercept": self.intercept,
            "slope": self.slope,
            "covariance": [list(row) for row in self.covariance],
            "rows": self.rows,
        }

    @classmethod
    def of(cls, content: Any) -> Calibration:
        """Read what `as_dict` made.

        Raises:
            ValueError, KeyError, TypeError: It is not that.
        """
        (a, b), (c, d) = content["covariance"]
        values = [float(value) for value in (content["intercept"], content["slope"], a, b, c, d)]
        if not all(map(math.isfinite, values)):
            raise ValueError("its calibration holds a number that is not finite")
        return cls(values[0], values[1], ((values[2], values[3]), (values[4], values[5])), int(content["rows"]))

    def apply(self, probability: NDArray[Any]) -> Floats:
        """Return the calibrated probabilities, shape [n], of probabilities in [0, 1], shape [n]."""
        return _sigmoid(self.intercept + self.slope * logit(probability))

    def expect(self, probability: NDArray[Any], *, confidence: float = 0.95) -> Expectation:
        """Return what to expect of a list of at least one customer, from the network's probabilities, shape [n].

        Whoever acts on the interval by himself, and not a person who reads it, wants another `confidence` than 95 %.
        """
        score = logit(probability)
        calibrated = _sigmoid(self.intercept + self.slope * score)
        spread = calibrated * (1 - calibrated)
        gradient = np.array([spread.mean(), (spread * score).mean()])
        direction = np.array(self.covariance) @ gradient
        deviation = math.sqrt(max(0.0, float(gradient @ direction)))
        share = float(calibrated.mean())
        if len(score) > _EXACT_ROWS:
            factor = NORMAL_95 if confidence == 0.95 else NormalDist().inv_cdf((1 + confidence) / 2)
            half = factor * math.sqrt(float(spread.sum()) / len(score) ** 2 + deviation**2)
            return Expectation(share, max(0.0, share - half), min(1.0, share + half))
        # Along this direction a step of one changes the mean by one deviation: the delta method, without its linearity.
        step = direction / deviation if deviation else np.zeros(2)
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)  # type: ignore[no-untyped-call]
        lines = np.array([self.intercept, self.slope]) + nodes[:, None] * step
        counts = _poisson_binomial(_sigmoid(lines[:, :1] + lines[:, 1:] * score))
        counts = weights / weights.sum() @ counts
        low, high = np.searchsorted(np.cumsum(counts), [(1 - confidence) / 2, (1 + confidence) / 2])
        return Expectation(share, min(share, float(low) / len(score)), max(share, float(high) / len(score)))


def logit(probability: NDArray[Any]) -> Floats:
    """Return the log-odds of probabilities, which are first kept away from 0 and 1."""
    inside = np.clip(np.asarray(probability, dtype=np.float64), _SMALLEST, 1 - _SMALLEST)
    return np.asarray(np.log(inside / (1 - inside)))


def _sigmoid(score: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(score, -700, 700))))


def _poisson_binomial(probability: Floats) -> Floats:
    """Return how probable 0, 1, ... n successes in n trials of different probabilities are, for m sets of them.

    Args:
        probability: Shape [m, n].

    Returns:
        Shape [m, n + 1].
    """
    sets, trials = probability.shape
    counts = np.zeros((sets, trials + 1))
    counts[:, 0] = 1.0
    for number in range(trials):
        p = probability[:, number, None]
        counts[:, 1 : number + 2] = counts[:, 1 : number + 2] * (1 - p) + counts[:, : number + 1] * p
        counts[:, :1] *= 1 - p
    return counts
