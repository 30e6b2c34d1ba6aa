"""Whether a version does significantly worse than was expected of it, however often somebody looks.

Outcomes come day by day, and whoever looks each day with an interval of 95 % sees a fall sooner or later. What is known
is also no sum that only grows: the record of the gateway forgets rows after some days, so that the numbers of two looks
share some of their customers, or none. So each look has its own small chance to err, those of `LOOKS` together `ERROR`
(Bonferroni), which holds however much or little the looks have in common. A version has fallen when the upper end of
the number is below what was expected by the lower end of that.

Two things are compared, the share of targets with the calibrated probabilities of the same customers, and the AUC with
that of the evaluation. On each side of either the chance to err is `ERROR` / 4: for what is realised in a year of daily
looks, for what was expected once, since calibration and evaluation stay the same. So a version that does as was
expected is said to have fallen with a probability of at most `ERROR` in a year, as far as the normal distribution holds
from `FEWEST` customers on. Who is on a list each week is one customer. Simulated in tests/ml/performance/test_fallen.py
and tests/ml/feedback/test_repeated_customers.py.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from ml.performance.estimate import Estimate, two_sided
from ml.performance.live import VersionPerformance

ERROR = 0.01
LOOKS = 365
"""So many looks, a year of them, err together with a probability of at most `ERROR`."""
FEWEST = 200
"""Customers with an outcome before anything is said: the normal distribution holds for many."""
_EACH = ERROR / 4
_ONCE = NormalDist().inv_cdf(1 - _EACH)
_EACH_LOOK = NormalDist().inv_cdf(1 - _EACH / LOOKS)


def fallen(version: VersionPerformance) -> str | None:
    """Return in which number a version has fallen significantly, as a sentence; None when it has not.

    It presumes that who has no outcome yet is not of another kind than the others: give what was measured of lists
    whose outcomes have had the time to come.

    What is not known, or is known of fewer than `FEWEST` customers, is no fall.
    """
    promised, error = version.expected_precision.estimate, version.calibration_error.estimate
    if _is_below(error, promised.scaled(1.0, -promised.value)):
        return (
            f"Of {error.rows:,} customers on lists of version {version.version}, "
            f"{version.precision.estimate.value:.1%} were targets, where {promised.value:.1%} were expected."
        )
    auc, expected = _auc(version), version.expected_auc.estimate
    if _is_below(_log_odds(auc), _log_odds(expected)):
        return (
            f"By {auc.rows:,} outcomes the AUC of version {version.version} is {auc.value:.3f}, "
            f"where {expected.value:.3f} was expected."
        )
    return None


def is_judged(version: VersionPerformance) -> bool:
    """Whether enough is known of a version to say whether it has fallen."""
    promised, auc = version.expected_precision.estimate, _auc(version)
    share_is_known = version.calibration_error.estimate.rows >= FEWEST and math.isfinite(promised.low)
    return share_is_known or (auc.rows >= FEWEST and math.isfinite(version.expected_auc.estimate.low))


def upper_end(found: Estimate) -> float:
    """Return the upper end, at one of `LOOKS` looks, of an estimate whose error is normal; NaN when unknown.

    One-sided, so that it is below the truth at any of the looks with a probability of at most `ERROR` / 4.
    """
    return found.value + _EACH_LOOK * _standard_error(found)


def _auc(version: VersionPerformance) -> Estimate:
    return (version.robust_auc if version.robust_auc.is_known else version.auc).estimate


def _is_below(found: Estimate, expected: Estimate) -> bool:
    """Whether a number is below what was expected of it; comparisons with NaN are false."""
    if found.rows < FEWEST:
        return False
    return upper_end(found) < expected.value - _ONCE * _standard_error(expected)


def _standard_error(found: Estimate) -> float:
    """By the half of the interval of 95 % that no limit cuts off."""
    return max(found.value - found.low, found.high - found.value) / two_sided(0.95)


def _log_odds(found: Estimate) -> Estimate:
    """The same of the log-odds, whose error is normal (`Estimate.of_share`)."""
    value, low, high = (
        math.log(end / (1 - end)) if 0 < end < 1 else math.nan for end in (found.value, found.low, found.high)
    )
    return Estimate(value, low, high, found.rows)
