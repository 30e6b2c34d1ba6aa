"""Whether a version does significantly worse than was expected of it, however often somebody looks.

Outcomes come day by day, and whoever looks each day with an interval of 95 % sees a fall sooner or later. So the
realised numbers are held to a confidence sequence: intervals that hold at all times at once, the asymptotic ones of
Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas ("Time-uniform central limit theory and asymptotic confidence sequences",
2021). They are wider than those for one look by a factor that
grows with the logarithm of the rows. A version has fallen when the upper end is below what was expected by the lower
end of that.

Two things are compared, the share of targets with the calibrated probabilities of the same customers, and the AUC with
that of the evaluation. On each side of either the chance to err is `ERROR` / 4, so that a version that does as was
expected is said to have fallen at any time of its life with a probability of at most `ERROR`, as far as the normal
distribution holds from `FEWEST` outcomes on. tests/ml/performance/test_fallen.py simulates it.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from ml.performance.estimate import Estimate, two_sided
from ml.performance.live import VersionPerformance

ERROR = 0.01
FEWEST = 200
"""Outcomes before anything is said: the sequences hold for many."""
_EACH = ERROR / 4
_ONCE = NormalDist().inv_cdf(1 - _EACH)


def fallen(version: VersionPerformance) -> str | None:
    """Return in which number a version has fallen significantly, as a sentence; None when it has not.

    What is not known, or is known of fewer than `FEWEST` outcomes, is no fall.
    """
    promised, error = version.expected_precision.estimate, version.calibration_error.estimate
    if _is_below(error, promised.scaled(1.0, -promised.value)):
        return (
            f"Of {error.rows:,} customers on lists of version {version.version}, "
            f"{version.precision.estimate.value:.1%} were targets, where {promised.value:.1%} were expected."
        )
    auc, expected = _auc(version), version.expected_auc.estimate
    if _is_below(auc, expected):
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
    """Return the upper end of the confidence sequence of an estimate whose error is normal; NaN when unknown.

    One-sided, so that it is below the truth at any time with a probability of at most `ERROR` / 4.
    """
    rows = max(found.rows, 1)
    # The scale that makes the sequence tightest at FEWEST rows.
    scale = (-2 * math.log(2 * _EACH) + math.log(1 - 2 * math.log(2 * _EACH))) / FEWEST
    grown = rows * scale + 1
    factor = math.sqrt(2 * grown / (rows * scale) * math.log(1 + math.sqrt(grown) / (2 * _EACH)))
    return found.value + factor * _standard_error(found)


def _auc(version: VersionPerformance) -> Estimate:
    return (version.robust_auc if version.robust_auc.is_known else version.auc).estimate


def _is_below(found: Estimate, expected: Estimate) -> bool:
    """Whether a number is below what was expected of it; comparisons with NaN are false."""
    if found.rows < FEWEST:
        return False
    return upper_end(found) < expected.value - _ONCE * _standard_error(expected)


def _standard_error(found: Estimate) -> float:
    """By the half of the interval of 95 % that no limit of 0 cuts off."""
    return max(found.value - found.low, found.high - found.value) / two_sided(0.95)
