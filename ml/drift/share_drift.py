"""Whether as many customers are called targets as was expected, and what share of them probably are.

The first is counted, and compared with the evaluation rows of the version. The second needs no outcome: it is the share
at which the calibrated probabilities agree with themselves if only the share of targets has changed
(`ml.performance.label_shift`). Both are findings when their interval is beyond the expected share by more than a
margin: many rows prove a tenth of a point, too, and that is no reason for anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.drift.finding import DRIFT, PREDICTED_SHARE, TARGET_SHARE, Finding
from ml.drift.traffic import Traffic
from ml.performance.estimate import LEVEL, Estimate, share, two_sided
from ml.performance.label_shift import deviations, shifted_share
from serving.expectation.calibration import Calibration

CONFIDENCE = 0.999
"""Of the intervals, as that of the schema's drift thresholds: one look in a thousand finds what is not there."""


@dataclass(frozen=True)
class Expected:
    """What the evaluation of a version lets expect of its answers.

    Attributes:
        probability: Of the evaluation rows, float32 [n].
        labels: Theirs, 1 or 0, int8 [n].
        calibration: Fitted on them.
        covariance: Of its intercept and slope and of the share of targets among them, float64 [3, 3].
        threshold: From which probability on a customer is called a target.
    """

    probability: NDArray[np.float32]
    labels: NDArray[np.int8]
    calibration: Calibration
    covariance: NDArray[np.float64]
    threshold: float


@dataclass(frozen=True)
class ShareDrift:
    """A share among the requests beside the expected one.

    Attributes:
        name: PREDICTED_SHARE or TARGET_SHARE.
        expected: The share among the evaluation rows.
        found: That among the requests, with its interval.
        sentence: Both in words.
        has_drifted: Whether they differ by more than chance and margin allow.
    """

    name: str
    expected: float
    found: Estimate
    sentence: str
    has_drifted: bool

    @property
    def finding(self) -> Finding | None:
        """The finding; None when there is none."""
        return Finding(DRIFT, self.name, self.sentence) if self.has_drifted else None


def predicted_share(traffic: Traffic, expected: Expected, *, margin: float) -> ShareDrift:
    """Compare the share that is called a target with that among the evaluation rows, by Newcombe's interval.

    Args:
        traffic: At least one row.
        expected: What was expected.
        margin: How far beyond its interval the difference may be.
    """
    found_share = traffic.called / traffic.rows
    customers = max(1, traffic.customers.number)
    # The interval is that of so many customers, however often they were asked about.
    found = share(round(found_share * customers), customers, level=CONFIDENCE)
    called = int((expected.probability >= expected.threshold).sum())
    before = share(called, len(expected.probability), level=CONFIDENCE)
    below = math.hypot(found.value - found.low, before.high - before.value)
    above = math.hypot(found.high - found.value, before.value - before.low)
    difference = found.value - before.value
    has_drifted = difference - below > margin or difference + above < -margin
    sentence = (
        f"{found.value:.1%} of the customers are called targets ({found.low:.1%} to {found.high:.1%}), and "
        f"{before.value:.1%} of the evaluation rows were."
    )
    return ShareDrift(PREDICTED_SHARE, before.value, found, sentence, has_drifted)


def target_share(traffic: Traffic, expected: Expected, *, margin: float) -> ShareDrift | None:
    """Compare the share of targets that the probabilities tell with that among the evaluation rows.

    What counts as chance is that of the traffic, and of the evaluation rows in share and calibration: the same rows for
    as long as the version serves, so that an error there would be found at every look.

    Args:
        traffic: At least one row.
        expected: What was expected.
        margin: How far beyond its interval the difference may be.

    Returns:
        None when the evaluation rows are all of one kind.
    """
    before = float((expected.labels > 0).mean())
    if not 0 < before < 1:
        return None
    probability = traffic.probability.numbers
    estimate = shifted_share(expected.calibration.apply(probability), before=before)
    error = max(estimate.high - estimate.value, estimate.value - estimate.low) / two_sided(LEVEL)
    error *= math.sqrt(max(1.0, len(probability) / max(1, traffic.customers.number)))
    found = Estimate.normal(estimate.value, error, estimate.rows, level=CONFIDENCE).within(0.0, 1.0)
    offs = deviations(probability, expected.calibration, before, expected.covariance)
    of_both = math.sqrt(error**2 + sum((off - off_before) ** 2 for off, off_before in offs))
    has_drifted = abs(found.value - before) - two_sided(CONFIDENCE) * of_both > margin
    sentence = (
        f"By their probabilities {found.value:.1%} of the customers are targets ({found.low:.1%} to {found.high:.1%}), "
        f"and {before:.1%} of the evaluation rows were."
    )
    return ShareDrift(TARGET_SHARE, before, found, sentence, has_drifted)
