"""What a control group has shown; what it can show at all is `serving.expectation.control_group`."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ml.performance.asked import Floats, worth
from ml.performance.estimate import Estimate, share_of


def compared(
    outcome: Floats, is_control: NDArray[np.bool_], list_number: NDArray[np.intp], customer: NDArray[np.intp]
) -> tuple[Estimate, Estimate]:
    """Return the share of targets in the control groups, and the uplift of those asked of the same lists.

    Lists differ in whom they are of and in how many they leave alone, so that only customers of the same list are
    compared. Each list counts by what it knows of the difference, asked * control / (asked + control) of its outcomes
    (Mantel & Haenszel, 1959); both shares are means over lists with these weights. For the interval the outcomes are
    worth as many as independent ones of one list; that shares differ between lists makes it wider, not narrower.

    Args:
        outcome: 0 or 1, of lists each of which has one of its control group, [n].
        is_control: Who was left alone, [n].
        list_number: Of which list each is, [n].
        customer: Who each is, [n].
    """
    _, place = np.unique(list_number, return_inverse=True)
    control, asked = (np.bincount(place[rows], minlength=place.max() + 1) for rows in (is_control, ~is_control))
    weight = asked * control / (asked + control)
    if not weight.sum():
        alone = share_of(float(outcome.mean()), len(outcome) * worth(outcome, customer), len(np.unique(customer)))
        return alone, Estimate.unknown(alone.rows)
    weight /= weight.sum()
    left_alone, contacted = (
        _share(outcome[rows], place[rows], customer[rows], weight) for rows in (is_control, ~is_control)
    )
    return left_alone, uplift(contacted, left_alone)


def _share(outcome: Floats, place: NDArray[np.intp], customer: NDArray[np.intp], weight: Floats) -> Estimate:
    """The mean of the lists' shares, with weights whose sum is 1, [lists]."""
    rows = np.bincount(place, minlength=len(weight))
    of_each = np.divide(
        np.bincount(place, weights=outcome, minlength=len(weight)), rows, where=rows > 0, out=np.zeros(len(weight))
    )
    independent = 1 / np.divide(weight**2, rows, where=rows > 0, out=np.zeros(len(weight))).sum()
    return share_of(float(weight @ of_each), independent * worth(outcome, customer), len(np.unique(customer)))


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
