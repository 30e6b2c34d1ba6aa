"""Lists whose time is over, as bets: which customers of theirs count, and how many others each one stands for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from ml.challenge.fresh_rows import FreshRows
from ml.challenge.process import Bet, ClosedList
from ml.performance.asked import Floats
from ml.performance.betting import brier_gains, weighed


def closed_lists(
    rows: FreshRows, unseen: NDArray[np.bool_], champion: Floats, challenger: Floats, *, now: datetime
) -> Iterator[ClosedList]:
    """Yield the lists that are closed and say something about each stratum of their file, in the order of their time.

    A list of which nobody above the cut, or nobody below it, has an outcome says nothing of half of its file, and does
    not count.

    Args:
        rows: The customers of lists.
        unseen: Whom neither model has seen, [n].
        champion: Its calibrated probabilities, [n].
        challenger: The same of the challenger.
        now: Lists that are closed later are not over.
    """
    of_list: dict[tuple[datetime, str], list[int]] = {}
    for place in np.flatnonzero(unseen & (rows.stratum >= 0)).tolist():
        of_list.setdefault((rows.closes[place], rows.request[place]), []).append(place)
    for (closes, request), found in sorted(of_list.items()):
        if closes > now:
            continue
        places = np.array(found, np.intp)
        told = ~np.isnan(rows.outcome[places])
        stratum = rows.stratum[places]
        customers, answered = np.bincount(stratum), np.bincount(stratum[told], minlength=int(stratum.max()) + 1)
        if (answered[customers > 0] == 0).any():
            continue
        stands_for = customers[stratum[told]] / answered[stratum[told]]
        gains = brier_gains(champion[places][told], challenger[places][told], rows.outcome[places][told])
        bets = weighed(gains, stands_for)
        first = _first_of_each(rows, found)
        counting = tuple(
            Bet(rows.customer[place], value)
            for place, value in zip(places[told].tolist(), bets.tolist(), strict=True)
            if place in first
        )
        yield ClosedList(closes.astimezone(UTC).isoformat(timespec="microseconds"), request, counting)


def _first_of_each(rows: FreshRows, places: list[int]) -> set[int]:
    """The first row of each customer of a file, whoever of them was asked."""
    first: dict[str, int] = {}
    for place in places:
        first.setdefault(rows.customer[place], place)
    return set(first.values())
