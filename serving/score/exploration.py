"""Places of a list for customers from below the cut, and a control group: drawn by a hash, the same each time.

Only customers who are asked have outcomes. Of those below the cut nothing would ever be known, however wrong the model
is about them; so a share of the places goes to them, with a probability that is known and above 0 for each.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
EXPLORE = 0.02
"""The share of the places of a list of the page and of /v1/score; the command line's is 0."""


@dataclass(frozen=True)
class Draw:
    """A list, and with which probability each customer of the file was on it, and is asked.

    Attributes:
        rows: The customers of the list, best first, the explored ones last among themselves best first, [k].
        explored: Which of them are from below the cut, [k].
        control: Which of them are left alone, [k].
        listed: The probability with which each customer of the file was listed, in the order of the ranking, [n].
        asked: The same for being asked: listed, and not left alone, [n].
    """

    rows: Rows
    explored: Flags
    control: Flags
    listed: Floats
    asked: Floats

    def propensity(self, order: Rows) -> Floats:
        """The probability with which each customer of the list is asked, [k].

        Args:
            order: The ranking that was drawn from.
        """
        place = np.empty(int(order.max(initial=-1)) + 1, np.intp)
        place[order] = np.arange(len(order))
        return np.asarray(self.asked[place[self.rows]])


def draw_list(order: Rows, count: int, *, explore: float, control: float, seed: Sequence[str]) -> Draw:
    """Draws a list of exactly `count` customers: number and budget hold.

    Of the `count` places, a share of `explore` goes by lot to customers below the others. Those who lose their place to
    it take part in the draw: else they alone would have no chance at all. Nobody is drawn when everybody is listed. The
    control group is drawn from the whole list afterwards. What a share leaves of one place is drawn by lot, too: of
    lists of ten, one in five has a place at 2 %. The probabilities are those before all of these lots.

    Args:
        order: All customers of the file, best first; their numbers are those of the rows of the file, [n].
        count: The places, at most n.
        explore: The share of the places for customers from below, 0 to 1; 0 for none.
        control: The share of the list that is left alone, 0 to 1; 0 for none.
        seed: What names release and file, so that the same file has the same list and another one has its own lot.

    Raises:
        ValueError: A share is not between 0 and 1, or there are more places than customers.
    """
    if not (0 <= explore <= 1 and 0 <= control <= 1):
        raise ValueError(f"a share of {explore} or {control}, not between 0 and 1")
    if not 0 <= count <= len(order):
        raise ValueError(f"{count} places for {len(order)} customers")
    explore = explore if count < len(order) else 0.0
    places = _part(explore, count, [*seed, "explore"])
    certain, below = order[: count - places], order[count - places :]
    drawn = np.sort(_lot(below, places, [*seed, "explore"]))
    rows = np.concatenate([certain, below[drawn]])
    explored = np.arange(count) >= count - places
    alone = np.zeros(count, np.bool_)
    alone[_lot(rows, _part(control, count, [*seed, "control"]), [*seed, "control"])] = True
    listed = _listed(len(order), count, explore)
    return Draw(rows, explored, alone, listed, listed * (1 - control))


def _listed(customers: int, count: int, explore: float) -> Floats:
    """With which probability each customer is listed, in the order of the ranking, [customers]."""
    whole, rest = _split(explore, count)
    few, many = (
        whole / max(customers - count + whole, 1),
        (whole + 1) / max(customers - count + whole + 1, 1),
    )
    found = np.ones(customers)
    found[count - whole :] = (1 - rest) * few + rest * many
    if rest:
        found[count - whole - 1] = (1 - rest) + rest * many
    return found


def _part(share: float, count: int, seed: Sequence[str]) -> int:
    """How many of `count` a share is; what it leaves of one is drawn by lot."""
    whole, rest = _split(share, count)
    lot = hashlib.blake2b("\0".join([*seed, "rest"]).encode(), digest_size=8).digest()
    return whole + (int.from_bytes(lot) < rest * 2**64)


def _split(share: float, count: int) -> tuple[int, float]:
    """The whole ones of a share of `count`, and what is left of one."""
    exact = round(share * count, 9)  # 0.07 * 100 is 7
    return math.floor(exact), exact - math.floor(exact)


def _lot(rows: Rows, count: int, seed: Sequence[str]) -> Rows:
    """Places of `count` of `rows`, by lot: those with the smallest hashes of the seed and the row's number."""
    if not count:
        return np.empty(0, np.intp)
    begun = hashlib.blake2b("\0".join(seed).encode(), digest_size=8)
    keys = np.empty(len(rows), np.uint64)
    for place, row in enumerate(rows.tolist()):
        one = begun.copy()
        one.update(b"\0%d" % row)
        keys[place] = int.from_bytes(one.digest())
    return np.argsort(keys, kind="stable")[:count]
