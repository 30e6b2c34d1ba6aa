"""The columns by which a list is known when it comes back with outcomes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from serving.score.lists.drawn_list import DrawnList
from serving.score.row_writers import Number

COLUMNS = ("request_id", "row", "version", "propensity", "group")
"""As the upload of outcomes reads them, together with the `probability` that each list has.

`row` is that of `RecordedRow`: the line of the file on which the customer begins, from 1, so that the first one below a
header is in 2; of a workbook the row of its sheet.
"""
_DIGITS = 6
_LARGEST_EXACT = 1 << 53
Cells = tuple[Number | str, ...]


@dataclass(frozen=True)
class ListColumns:
    """Fills the columns of one list.

    Attributes:
        id: What names it: a request, or `DrawnList.id`.
        version: The version that scored it.
        drawn: Who is on it; None when nobody said whom to ask: propensity and group are empty then.
    """

    id: str
    version: int
    drawn: DrawnList | None

    def cells(self, place: int, line: int) -> Cells:
        """The cells of a customer.

        Args:
            place: The place in the list, from 0.
            line: The line of the file on which the customer begins.
        """
        return self.id, Number(line, 0), self._version, *(self._asked[place] if self.drawn else ("", ""))

    @cached_property
    def _version(self) -> Number | str:
        return Number(self.version, 0) if self.version < _LARGEST_EXACT else str(self.version)

    @cached_property
    def _asked(self) -> list[Cells]:
        """Propensity and group of each place: most are alike."""
        if self.drawn is None:
            return []
        chances = self.drawn.propensity.tolist()
        shares = {chance: _share(chance) for chance in set(chances)}
        return [(shares[chance], self.drawn.group(place)) for place, chance in enumerate(chances)]


def _share(value: float) -> Number:
    """A probability with at least six digits that count, however small it is: 1 by it is what a customer stands for."""
    return Number(value, _DIGITS if not 0 < value < 0.1 else _DIGITS - 1 - math.floor(math.log10(value)))
