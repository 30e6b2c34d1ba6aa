"""What a list costs and brings, in words and in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from serving.expectation.calibration import Calibration
from serving.expectation.economics import Economics
from serving.expectation.profit import ListProfit, list_profit
from serving.score.lists.drawn_list import DrawnList


@dataclass(frozen=True)
class ListMoney:
    """The money of one list.

    Attributes:
        economics: The amounts that count for it.
        pays: How many customers of the file pay, whatever the budget; None when that is not known.
        contacts: How many of the list are contacted.
        profit: What to expect of contacting them; None when that is not known.
        by_lot: How many of them were drawn by lot.
        by_lot_back: What to expect back of those; None when that is not known.
    """

    economics: Economics
    pays: int | None
    contacts: int
    profit: ListProfit | None
    by_lot: int = 0
    by_lot_back: float | None = None

    @classmethod
    def of(
        cls,
        economics: Economics,
        pays: int | None,
        drawn: DrawnList,
        probabilities: NDArray[Any],
        calibration: Calibration | None,
    ) -> ListMoney:
        """The money of a list.

        Args:
            economics: As the attribute.
            pays: As the attribute.
            drawn: The list.
            probabilities: What the network says of each row of the file, [rows].
            calibration: That of the version, if it is known.
        """
        expected, by_lot = drawn.expect(probabilities, calibration), drawn.expect_by_lot(probabilities, calibration)
        is_known = expected is not None or not drawn.contacts
        profit = list_profit(expected, drawn.contacts, economics) if is_known else None
        lots = int(drawn.by_lot.sum())
        back = by_lot.share * lots * economics.value if by_lot else None
        return cls(economics, pays, drawn.contacts, profit, lots, back)

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
        if self.by_lot:
            back = "what to expect back of them is not known"
            if self.by_lot_back is not None:
                back = f"expect {amount(self.by_lot_back)} back"
            yield (
                f"Of that, {amount(self.by_lot * known.cost)} go to the {self.by_lot:,} drawn by lot; {back}: "
                "the price of knowing something of customers outside the cut."
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
        told["by_lot"] = self.by_lot
        told["by_lot_cost"] = round(self.by_lot * self.economics.cost, 2)
        if self.by_lot_back is not None:
            told["by_lot_back"] = round(self.by_lot_back, 2)
        if self.profit is not None:
            for name in ("back", "back_low", "back_high", "profit", "profit_low", "profit_high"):
                told[name] = round(getattr(self.profit, name), 2)
        return told
