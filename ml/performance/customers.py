"""The customers of a version's lists and of the files they were made from, and which of them something is known of.

The estimators (`means`, `ranking`) need the probability with which each customer was asked and has an outcome. A list
says with which each was to be asked. Not all have an outcome (yet): within a list, those with one are taken for a
sample of those who were asked, so that the share with one is the other factor.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ml.performance.asked import Asked, Floats

Flags = NDArray[np.bool_]
TARGETED = "targeted"
"""On a list for the score."""
EXPLORED = "explored"
"""On a list by lot, from below the cut."""
CONTROL = "control"
"""On a list, and left alone."""
BELOW = "below"
"""Not on the list that was made of their file."""


@dataclass(frozen=True)
class Customers:
    """What a version said of its customers, and what came of them.

    Attributes:
        score: What it said of each, float64 [n].
        expected: The calibrated probability of each, float64 [n].
        propensity: The probability with which each was to be asked, float64 [n], 0 to 1.
        outcome: 1, 0, or NaN without an outcome, float64 [n]; also of the control group.
        part: One of the four above, [n].
        list_number: Which ones are of the same list, from 0, intp [n].
        is_whole: Whether the customers of the file who were not on the list are known, too, bool [n].
        day: When each was scored, datetime64[D] [n]; NaT when nobody knows.
        customer: Who each is: the same number for the same customer of several lists, intp [n]. Who has no identifier
            has a number of his own for each list.
    """

    score: Floats
    expected: Floats
    propensity: Floats
    outcome: Floats
    part: NDArray[np.str_]
    list_number: NDArray[np.intp]
    is_whole: Flags
    day: NDArray[np.datetime64]
    customer: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def none(cls) -> Customers:
        """Return nobody."""
        nothing, no = np.zeros(0), np.zeros(0, np.bool_)
        days, numbers = np.zeros(0, "datetime64[D]"), np.zeros(0, np.intp)
        return cls(nothing, nothing, nothing, nothing, np.zeros(0, np.str_), numbers, no, days, numbers)

    def of(self, rows: Flags) -> Customers:
        """Return some of the customers."""
        return Customers(**{column.name: getattr(self, column.name)[rows] for column in fields(self)})

    @property
    def is_asked(self) -> Flags:
        """Who was to be asked, [n]."""
        return np.isin(self.part, (TARGETED, EXPLORED))

    @property
    def is_answered(self) -> Flags:
        """Who was to be asked and has an outcome, [n]."""
        return np.asarray(self.is_asked & ~np.isnan(self.outcome))

    @cached_property
    def answered_share(self) -> Floats:
        """The share of those asked of the same list who have an outcome, [n]; 0 for a list without any."""
        asked, answered = self._of_list(self.is_asked), self._of_list(self.is_answered)
        share = np.divide(answered, asked, out=np.zeros(len(asked)), where=asked > 0)
        return np.asarray(share[self.list_number])

    @property
    def is_covered(self) -> Flags:
        """Whose list is known as a whole, gave each customer of its file a chance, and has outcomes, [n]."""
        lacking = self._of_list(~self.is_whole | (self.propensity == 0))[self.list_number] > 0
        return np.asarray((self.answered_share > 0) & ~lacking)

    @property
    def is_reached(self) -> Flags:
        """Whose list has outcomes that stand for all of its file's customers, [n].

        Of a list that came back, which does not say who else was in the file, they do when it explores. A short one may
        have no place by lot, and shows all the same that there might have been one: its last customer had less of a
        chance than the others.
        """
        explores = self._of_list(self.is_by_lot)[self.list_number] > 0
        return np.asarray(self.is_covered | ((self.answered_share > 0) & ~self.is_whole & explores))

    @property
    def is_by_lot(self) -> Flags:
        """Who had less of a chance than others of his list, or was drawn by lot, [n]."""
        return np.asarray((self.part == EXPLORED) | (self.propensity < self._highest[self.list_number]))

    @property
    def has_control(self) -> Flags:
        """Whose list has a control group with an outcome, [n]."""
        known = (self.part == CONTROL) & ~np.isnan(self.outcome)
        return np.asarray(self._of_list(known)[self.list_number] > 0)

    def asked(self, rows: Flags) -> Asked:
        """Return some of the customers as the estimators take them: the control group was not asked."""
        some = self.of(rows)
        outcome = np.where(some.is_asked, some.outcome, np.nan)
        return Asked(some.score, some.expected, some.propensity * self.answered_share[rows], outcome, some.customer)

    @property
    def _highest(self) -> Floats:
        """The highest propensity of each list, float64 [lists]."""
        highest = np.zeros(int(self.list_number.max(initial=-1)) + 1)
        np.maximum.at(highest, self.list_number, self.propensity)
        return highest

    def _of_list(self, rows: Flags) -> Floats:
        """How many of these rows each list has, float64 [lists]."""
        return np.bincount(self.list_number, weights=rows).astype(np.float64)


def parts(
    group: NDArray[np.str_], propensity: Floats, list_number: NDArray[np.intp], is_whole: Flags
) -> NDArray[np.str_]:
    """Return the part of each customer.

    A list marks its control group and those from below the cut, and the record all who were on it: who has no mark
    there was not. A list of which only those from below and the control group are marked is told by its propensities:
    the lowest one of a file whose customers do not all have the same is that of the customers below the cut.

    Args:
        group: "control", "explored", "targeted" or "", [n].
        propensity: The probability with which each was to be asked, [n].
        list_number: Which ones are of the same list, [n].
        is_whole: Whether customers of the file who were not on the list are among them, [n].
    """
    lists = int(list_number.max(initial=-1)) + 1
    highest, lowest, explores = np.zeros(lists), np.ones(lists), np.zeros(lists, np.bool_)
    np.maximum.at(highest, list_number, propensity)
    np.minimum.at(lowest, list_number, propensity)
    np.logical_or.at(explores, list_number, group == EXPLORED)
    chooses = (lowest < highest) | explores
    marks_all = np.zeros(lists, np.bool_)
    np.logical_or.at(marks_all, list_number, group == TARGETED)
    is_lowest = chooses[list_number] & (propensity == lowest[list_number])
    is_below = np.where(marks_all[list_number], group == "", is_lowest | (propensity == 0))
    found = np.where(is_whole & is_below, BELOW, TARGETED)
    for marked in (EXPLORED, CONTROL):
        found = np.where(group == marked, marked, found)
    return np.asarray(found)
