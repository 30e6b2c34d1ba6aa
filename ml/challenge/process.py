"""The bets on one challenger: pure, without I/O and without a clock.

Closed lists are only ever appended, in the order of their time: a process whose lists may be left out, put in another
order or counted twice after somebody has seen what they say proves nothing. What stays of a customer is a pseudonym, by
which he is not counted twice, and the number that was bet on; with these the wealth stays what it was when the customer
himself is erased.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np

from ml.performance.asked import Floats
from ml.performance.betting import log_wealth, reached_at

PSEUDONYM = 16
"""Its length in hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Bet:
    """A customer with an outcome.

    Attributes:
        customer: The pseudonym of the customer.
        weighed: What was gained, as it is bet on, -1 to 1 (`ml.performance.betting.weighed`).
    """

    customer: str
    weighed: float


@dataclass(frozen=True, slots=True)
class ClosedList:
    """A list whose outcomes are all in that will ever count.

    Attributes:
        closed: When it was closed, ISO 8601 in UTC with microseconds.
        request: The pseudonym of the request.
        bets: Its customers with an outcome.
    """

    closed: str
    request: str
    bets: tuple[Bet, ...]

    @property
    def key(self) -> tuple[str, str]:
        """By which lists are ordered; nobody can choose it by what comes of the customers."""
        return self.closed, self.request


@dataclass(frozen=True)
class Process:
    """The bets that a challenger predicts better than the champion.

    Attributes:
        run_id: The run that made the challenger.
        model_sha256: The hash of its bytes.
        champion: The version that it challenges.
        alpha: Its level; it has won when the wealth reaches 1/alpha.
        lists: The lists that were bet on, by their keys.
    """

    run_id: str
    model_sha256: str
    champion: int
    alpha: float
    lists: tuple[ClosedList, ...] = ()

    def extended(self, found: Sequence[ClosedList]) -> Process:
        """Return the process with the lists that are new to it; after it has won nothing is bet any more.

        A customer of an earlier list is not bet on again. A list that turns up after a later one was bet on does not
        count: its place would have been chosen by who knows what it says.

        Args:
            found: In any order; what was bet on before is passed over.
        """
        if self.won_at is not None:
            return self
        known = {bet.customer for one in self.lists for bet in one.bets}
        last = self.lists[-1].key if self.lists else ("", "")
        lists = [*self.lists]
        for one in sorted(found, key=lambda one: one.key):
            if one.key <= last:
                continue
            bets = tuple(bet for bet in one.bets if bet.customer not in known)
            known.update(bet.customer for bet in bets)
            if bets:
                lists.append(replace(one, bets=bets))
        longer = replace(self, lists=tuple(lists))
        return replace(longer, lists=longer.lists[: longer.won_at])

    @property
    def won_at(self) -> int | None:
        """After how many lists the wealth reached the threshold; None while it has not."""
        return reached_at(self.weighed, self.alpha)

    @property
    def n(self) -> int:
        """How many customers were bet on."""
        return sum(len(one.bets) for one in self.lists)

    @property
    def weighed(self) -> list[Floats]:
        """The numbers that were bet on, of each list, [n of the list]."""
        return [np.array([bet.weighed for bet in one.bets], np.float64) for one in self.lists]

    @property
    def threshold(self) -> float:
        """The wealth with which it wins; it began with 1."""
        return 1 / self.alpha

    @property
    def wealth(self) -> float:
        """The wealth after the last list."""
        return math.exp(min(float(log_wealth(self.weighed)[-1]), 700.0)) if self.lists else 1.0

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values, with what it came to."""
        return {
            "run_id": self.run_id,
            "model_sha256": self.model_sha256,
            "champion": self.champion,
            "alpha": self.alpha,
            "threshold": self.threshold,
            "n": self.n,
            "wealth": self.wealth,
            "won": self.won_at is not None,
            "lists": [[*one.key, [[bet.customer, bet.weighed] for bet in one.bets]] for one in self.lists],
        }

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """Read what `as_dict` made; what it came to is computed anew.

        Raises:
            LookupError, TypeError, ValueError: It is not that.
        """
        lists = tuple(
            ClosedList(str(closed), str(request), tuple(Bet(str(customer), float(value)) for customer, value in bets))
            for closed, request, bets in content["lists"]
        )
        if not all(abs(bet.weighed) <= 1 for one in lists for bet in one.bets):
            raise ValueError("a bet is not between -1 and 1")
        if any(one.key >= other.key for one, other in pairwise(lists)):
            raise ValueError("the lists are not in the order of their time")
        alpha = float(content["alpha"])
        if not 0 < alpha < 1:
            raise ValueError("a level is not between 0 and 1")
        return cls(str(content["run_id"]), str(content["model_sha256"]), int(content["champion"]), alpha, lists)
