"""How many customers somebody wants, and what she reckons with: the parameters of a request."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from serving.expectation.economics import MOST_MONEY, Economics, EconomicsError, Entered, amount
from serving.expectation.profit import contacts_that_pay
from serving.gateway.page.scored_list import ScoredList
from serving.score.options import MOST_SHARE, parse_share, parse_top

WAYS = ("number", "share", "budget", "pay")
_AMOUNTS = ("value", "cost", "budget")
_CURRENCY = re.compile(r"[^\x00-\x1f<>&]{0,8}")


class ChoiceError(Exception):
    """A choice that cannot be; the message says what to correct.

    Attributes:
        field: The parameter in which it is; "" when it is in none.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Attributes:
        way: One of `WAYS`.
        asked: How many that are, before equal customers are taken or left together.
        count: How many are in the list.
        explore: The share of the places that go by lot to customers from outside the cut, 0 to 0.5.
        control: The share of the list that is left alone, 0 to 0.5.
        economics: What is reckoned with; None when nothing is told in money.
        is_entered: Whether somebody entered that for this list alone, so that the settings say otherwise.
    """

    way: str
    asked: int
    count: int
    explore: float
    control: float
    economics: Economics | None
    is_entered: bool

    @classmethod
    def of(cls, given: Mapping[str, str], found: ScoredList) -> Choice:
        """Reads the parameters `by`, `number`, `share`, `value`, `cost`, `budget`, `currency`, `explore` and `control`.

        Without value and cost those of the settings are reckoned with; with one of them, what is given counts alone.
        Explore and control are in percent, without them 0.

        Raises:
            ChoiceError: They say nothing that can be done.
        """
        settings = found.facts.settings()
        economics = _economics(given, settings)
        is_entered = economics is not None and economics != settings
        explore, control = (_lots(name, given.get(name, "")) for name in ("explore", "control"))
        way = given.get("by", "share")
        if way not in WAYS:
            raise ChoiceError(f"{way[:40]!r} is no way to choose. There are {', '.join(WAYS)}.")
        if way == "budget" and economics is not None and not economics.budget:
            raise ChoiceError("Enter a budget.", "budget")
        if economics is not None and way != "budget":
            economics = replace(economics, budget=0.0)
        if way in ("number", "share"):
            asked = _asked(way, given.get(way, ""), found.customers)
            return cls(way, asked, found.end(asked), explore, control, economics, is_entered)
        if economics is None:
            raise ChoiceError("Enter what a contact costs and what a customer is worth first.", "cost")
        if found.calibration is None:
            raise ChoiceError(f"Which contacts pay cannot be reckoned: {found.facts.reason}.")
        asked = contacts_that_pay(found.calibrated, economics)
        count = found.end(asked, at_most=True)
        return cls(way, asked, count, explore, control, economics, is_entered)


def _asked(way: str, text: str, customers: int) -> int:
    try:
        top = parse_top(f"{text.strip().removesuffix('%').strip()}%" if way == "share" else text.strip())
        if (top.count is None) is (way == "number"):
            raise ValueError
    except (ValueError, argparse.ArgumentTypeError):
        raise ChoiceError(_wrong_amount(way, text.strip()), way) from None
    return top.of(customers)


def _wrong_amount(way: str, text: str) -> str:
    if not text:
        return "Enter how many customers you want." if way == "number" else "Enter a share."
    said = "a whole number, 1 or more" if way == "number" else "a share above 0 and up to 100 %"
    return f"{text[:40]!r} is not {said}."


def _lots(name: str, text: str) -> float:
    try:
        return parse_share(f"{text.strip().removesuffix('%').strip() or '0'}%")
    except ValueError:
        raise ChoiceError(f"{text[:40]!r} is not a share from 0 to {100 * MOST_SHARE:g} %.", name) from None


def _economics(given: Mapping[str, str], settings: Economics | None) -> Economics | None:
    if not given.get("value", "").strip() and not given.get("cost", "").strip():
        return settings
    value, cost, budget = (_amount(name, given.get(name, "")) for name in _AMOUNTS)
    currency = given.get("currency", "").strip()
    if not _CURRENCY.fullmatch(currency):
        raise ChoiceError("A currency has at most 8 characters, such as EUR.", "currency")
    if not cost:
        raise ChoiceError("Enter what a contact costs, too.", "cost")
    if not value:
        raise ChoiceError("Enter what a customer is worth, too.", "value")
    try:
        entered = Entered(value, cost, budget).over(None, "the {}")
    except EconomicsError as error:
        raise ChoiceError(str(error)) from None
    return None if entered is None else replace(entered, currency=currency)


def _amount(name: str, text: str) -> float:
    try:
        return amount(text.strip() or 0)
    except ValueError:
        raise ChoiceError(
            f"{text[:40]!r} is no amount for the {name}: write one like 12.50, from 0 to {MOST_MONEY:,.0f}.", name
        ) from None
