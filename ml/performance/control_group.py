"""What a control group has shown; what it can show at all is `serving.expectation.control_group`."""

from __future__ import annotations

import math

from ml.performance.estimate import Estimate


def uplift(asked: Estimate, control: Estimate) -> Estimate:
    """Return the difference of the shares of two independent groups, by the method of Newcombe (1998, his tenth).

    Args:
        asked: The share among the asked, with Wilson's interval (`ml.performance.estimate.share`).
        control: The share among the others, with the same.
    """
    if not (asked.is_known and control.is_known):
        return Estimate.unknown(asked.rows + control.rows)
    difference = asked.value - control.value
    below = math.hypot(asked.value - asked.low, control.high - control.value)
    above = math.hypot(asked.high - asked.value, control.value - control.low)
    return Estimate(difference, difference - below, difference + above, asked.rows + control.rows)
