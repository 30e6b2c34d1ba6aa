"""The bets on one challenger: pure, without I/O and without a clock.

Rows are only ever appended: a process whose rows may be left out, put in another order or counted twice after somebody
has seen what they say proves nothing. What stays of a customer is a pseudonym, by which he is not counted twice, and
the number that was bet on; with these the wealth stays what it was when the customer himself is erased.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from ml.performance.betting import log_wealth, reached_at

PSEUDONYM = 16
"""Its length in hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Bet:
    """A customer with an outcome.

    Attributes:
        row: The pseudonym of request and row.
        customer: The pseudonym of the customer.
        weighed: What was gained, as it is bet on, -1 to 1 (`ml.performance.betting.weighed`).
    """

    row: str
    customer: str
    weighed: float


@dataclass(frozen=True)
class Process:
    """The bets that a challenger predicts better than the champion.

    Attributes:
        run_id: The run that made the challenger.
        model_sha256: The hash of its bytes.
        champion: The version that it challenges.
        alpha: Its level; it has won when the wealth reaches 1/alpha.
        bets: In the order in which they were made.
    """

    run_id: str
    model_sha256: str
    champion: int
    alpha: float
    bets: tuple[Bet, ...] = ()

    def extended(self, found: Sequence[Bet]) -> Process:
        """Return the process with the bets on customers who are new to it; after it has won nothing is bet any more.

        Args:
            found: In the order in which the outcomes became known; what was bet on before is passed over.
        """
        if self.won_at is not None:
            return self
        rows, customers = {one.row for one in self.bets}, {one.customer for one in self.bets}
        bets = [*self.bets]
        for one in found:
            if one.row in rows or one.customer in customers:
                continue
            rows.add(one.row)
            customers.add(one.customer)
            bets.append(one)
        longer = replace(self, bets=tuple(bets))
        return replace(longer, bets=longer.bets[: longer.won_at])

    @property
    def won_at(self) -> int | None:
        """After how many customers the wealth reached the threshold; None while it has not."""
        return reached_at(self._log_wealth, self.alpha)

    @property
    def threshold(self) -> float:
        """The wealth with which it wins; it began with 1."""
        return 1 / self.alpha

    @property
    def wealth(self) -> float:
        """The wealth now."""
        return math.exp(min(float(self._log_wealth[-1]), 700.0)) if self.bets else 1.0

    @property
    def _log_wealth(self) -> Any:
        return log_wealth(np.array([one.weighed for one in self.bets], np.float64))

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values, with what it came to."""
        return {
            "run_id": self.run_id,
            "model_sha256": self.model_sha256,
            "champion": self.champion,
            "alpha": self.alpha,
            "threshold": self.threshold,
            "n": len(self.bets),
            "wealth": self.wealth,
            "won": self.won_at is not None,
            "bets": [[one.row, one.customer, one.weighed] for one in self.bets],
        }

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """Read what `as_dict` made; what it came to is computed anew.

        Raises:
            LookupError, TypeError, ValueError: It is not that.
        """
        bets = tuple(Bet(str(row), str(customer), float(weighed)) for row, customer, weighed in content["bets"])
        if not all(abs(one.weighed) <= 1 for one in bets):
            raise ValueError("a bet is not between -1 and 1")
        alpha = float(content["alpha"])
        if not 0 < alpha < 1:
            raise ValueError("a level is not between 0 and 1")
        return cls(str(content["run_id"]), str(content["model_sha256"]), int(content["champion"]), alpha, bets)
