"""What a contact costs, and what a target customer who is reached is worth: the amounts, and the rule that follows."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

MOST_MONEY = 1e9
_MOST_CONTACTS = 1e15
"""Of a contact that costs next to nothing a budget pays for more than there are people."""


class EconomicsError(ValueError):
    """Amounts contradict one another; the message says how, and what to do."""


@dataclass(frozen=True)
class Economics:
    """Money, in one currency; 0 is an amount that nobody has set.

    Attributes:
        value: Of a target customer who is contacted.
        cost: Of one contact; below the value, or no contact pays.
        budget: For the contacts of one list; 0 for no limit.
        currency: Its name or sign; "" when it is not known.
    """

    value: float
    cost: float
    budget: float
    currency: str

    def contradiction(self, named: str) -> tuple[str, str] | None:
        """How the amounts contradict one another, and what to do; None when they do not.

        Args:
            named: How messages call an amount, such as "--{}".
        """
        value, cost = named.format("value"), named.format("cost")
        if (self.value > 0) != (self.cost > 0):
            return f"{cost if self.value else value} is not set, and the other one is.", "Set both, or neither."
        if self.is_set and self.cost >= self.value:
            return (
                f"{cost} = {self.cost:g}: must be below {value} = {self.value:g}, or no contact pays.",
                "Correct one of them.",
            )
        if self.budget and not self.is_set:
            return (
                f"{named.format('budget')} = {self.budget:g} says nothing without value and cost.",
                f"Set {value} and {cost}.",
            )
        return None

    @property
    def is_set(self) -> bool:
        """Whether anybody has said what a contact costs and a reached target customer is worth."""
        return self.value > 0

    @property
    def cut(self) -> float:
        """The probability above which a contact pays, 0..1: that at which value and cost are equal."""
        return self.cost / self.value

    @property
    def affordable(self) -> int | None:
        """How many contacts the budget pays for; None without a budget."""
        return int(min(self.budget / self.cost + 1e-9, _MOST_CONTACTS)) if self.budget else None

    def amount(self, money: float) -> str:
        """Return an amount with its currency as people write it: no decimals from 100 on, or where it is whole."""
        decimals = 0 if abs(money) >= 100 or money == round(money) else 2
        number = f"{money:,.{decimals}f}".replace("-", "\u2212")
        return f"{number} {self.currency}".rstrip()

    def given(self, money: float) -> str:
        """Return an amount that somebody has given, with its currency and with all its decimals."""
        number = f"{money:,.15g}" if money >= 1e-4 or not money else f"{money:g}"
        if re.fullmatch(r"[\d,]+\.\d", number):
            number += "0"
        return f"{number} {self.currency}".rstrip()

    def as_dict(self) -> dict[str, Any]:
        """Return the form in which release.json holds it."""
        return asdict(self)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """Read what `as_dict` made.

        Raises:
            ValueError, KeyError, TypeError: It is not that.
        """
        value, cost, budget = (amount(content[name]) for name in ("value", "cost", "budget"))
        found = cls(value, cost, budget, str(content["currency"]))
        if (wrong := found.contradiction("economics.{}")) is not None:
            raise ValueError(wrong[0])
        return found


NOT_SET = Economics(0.0, 0.0, 0.0, "")


@dataclass(frozen=True)
class Entered:
    """The amounts that somebody enters for one list; None leaves that of the release.

    Attributes:
        value: As in `Economics`.
        cost: As there.
        budget: As there.
    """

    value: float | None = None
    cost: float | None = None
    budget: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was entered."""
        return self.value is None and self.cost is None and self.budget is None

    def over(self, release: Economics | None, named: str) -> Economics | None:
        """The amounts that count for the list; None when nothing is to be said in money.

        Args:
            release: Those of the release, if it has any.
            named: How messages call an amount, such as "--{}".

        Raises:
            EconomicsError: They contradict one another.
        """
        known = release or NOT_SET
        found = Economics(
            known.value if self.value is None else self.value,
            known.cost if self.cost is None else self.cost,
            known.budget if self.budget is None else self.budget,
            known.currency,
        )
        if not found.is_set and not found.cost and self.budget is None:
            return None  # with --value 0 --cost 0 a budget of the release says nothing
        if (wrong := found.contradiction(named)) is not None:
            raise EconomicsError(" ".join(wrong))
        return found


def amount(value: Any) -> float:
    """Read an amount of money.

    Raises:
        ValueError: It is not one from 0 to `MOST_MONEY`.
        TypeError: It is neither a text nor a number.
    """
    number = float(value)
    if not 0 <= number <= MOST_MONEY or math.isnan(number):
        raise ValueError(f"{value} is not an amount from 0 to {MOST_MONEY:,.0f}")
    return number
