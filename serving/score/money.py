"""What a list costs and brings, in words and in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from serving.expectation.calibration import Expectation
from serving.expectation.economics import Economics
from serving.expectation.profit import ListProfit, list_profit


@dataclass(frozen=True)
class ListMoney:
    """The money of one list.

    Attributes:
        economics: The amounts that count for it.
        pays: How many customers of the file pay, whatever the budget; None when that is not known.
        contacts: How many are in the list.
        profit: What to expect of contacting them; None when that is not known.
    """

    economics: Economics
    pays: int | None
    contacts: int
    profit: ListProfit | None

    @classmethod
    def of(cls, economics: Economics, pays: int | None, contacts: int, expected: Expectation | None) -> ListMoney:
        """The money of a list.

        Args:
            economics: As the attribute.
            pays: As the attribute.
            contacts: As the attribute.
            expected: What share of the list are targets; None when it is empty, or that is not known.
        """
        is_known = expected is not None or not contacts
        return cls(economics, pays, contacts, list_profit(expected, contacts, economics) if is_known else None)

    def sentences(self, target: str) -> Iterator[str]:
        """What to say of it, a line each.

        Args:
            target: The label of a target customer.
        """
        known, amount = self.economics, self.economics.amount
        yield (
            f"At {amount(known.cost)} a contact and {amount(known.value)} for each {target} who is reached, a contact "
            f"pays above a calibrated probability of {100 * known.cut:.3g} %"
            + (f": {self.pays:,} of the file do." if self.pays is not None else ".")
        )
        cost = f"Contacting the {self.contacts:,} costs {amount(self.contacts * known.cost)}"
        if self.profit is None:
            yield f"{cost}; what to expect back is not known."
        elif self.contacts:
            found = self.profit
            yield (
                f"{cost}; expect {amount(found.back)} back, likely {amount(found.back_low)} to "
                f"{amount(found.back_high)}: a profit of {amount(found.profit)}, likely {amount(found.profit_low)} to "
                f"{amount(found.profit_high)}."
            )
        if known.affordable is not None:
            is_over = self.contacts > known.affordable
            yield (
                f"The budget of {amount(known.budget)} pays for {known.affordable:,} contacts"
                + (f": {self.contacts - known.affordable:,} fewer than are in the list." if is_over else ".")
            )

    def as_dict(self) -> dict[str, Any]:
        """The same for programs; money is rounded to a hundredth."""
        told: dict[str, Any] = {**self.economics.as_dict(), "pays": self.pays, "contacts": self.contacts}
        told["list_cost"] = round(self.contacts * self.economics.cost, 2)
        if self.profit is not None:
            for name in ("back", "back_low", "back_high", "profit", "profit_low", "profit_high"):
                told[name] = round(getattr(self.profit, name), 2)
        return told
