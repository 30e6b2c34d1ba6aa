"""How many customers somebody wants, and what she reckons with: the parameters of a request."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from serving.expectation.economics import Economics, EconomicsError
from serving.gateway.page.scored_list import ScoredList
from serving.score.options import parse_top

WAYS = ("number", "share", "budget", "pay")
_AMOUNTS = ("value", "cost", "budget")


class ChoiceError(Exception):
    """A choice that cannot be; the message says what to correct."""


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Attributes:
        way: One of `WAYS`.
        asked: How many that are, before equal customers are taken or left together.
        count: How many are in the list.
        economics: What is reckoned with; None when nothing is told in money.
        is_entered: Whether somebody entered that for this list alone, so that the settings say otherwise.
    """

    way: str
    asked: int
    count: int
    economics: Economics | None
    is_entered: bool

    @classmethod
    def of(cls, given: Mapping[str, str], found: ScoredList) -> Choice:
        """Reads the parameters `by`, `number`, `share`, `value`, `cost`, `budget` and `currency`.

        Without value and cost those of the settings are reckoned with; with one of them, what is given counts alone.

        Raises:
            ChoiceError: They say nothing that can be done.
        """
        settings = found.facts.settings()
        economics = _economics(given, settings)
        is_entered = economics is not None and economics != settings
        way = given.get("by", "share")
        if economics is not None and way != "budget":
            economics = replace(economics, budget=0.0)
        if way not in WAYS:
            raise ChoiceError(f"{way[:40]!r} is no way to choose. There are {', '.join(WAYS)}.")
        if way in ("number", "share"):
            asked = _asked(way, given.get(way, ""), found.customers)
            return cls(way, asked, found.ranking.end(asked), economics, is_entered)
        if economics is None:
            raise ChoiceError("Enter what a contact costs and what a customer is worth first.")
        if found.calibration is None:
            raise ChoiceError(f"Which contacts pay cannot be reckoned: {found.facts.reason}.")
        paying = economics.paying(found.calibrated)
        if way == "pay":
            return cls(way, paying, found.ranking.end(paying), economics, is_entered)
        if economics.affordable is None:
            raise ChoiceError("Enter a budget.")
        asked = min(economics.affordable, paying)
        return cls(way, asked, found.ranking.end(asked, at_most=True), economics, is_entered)


def _asked(way: str, text: str, customers: int) -> int:
    try:
        top = parse_top(text.strip().removesuffix("%").strip() + ("%" if way == "share" else ""))
    except (ValueError, argparse.ArgumentTypeError):
        said = "a number from 1" if way == "number" else "a share above 0 and up to 100 %"
        raise ChoiceError(f"{text[:40]!r} is not {said}.") from None
    return top.of(customers)


def _economics(given: Mapping[str, str], settings: Economics | None) -> Economics | None:
    if not given.get("value", "").strip() and not given.get("cost", "").strip():
        return settings
    amounts = {name: _amount(name, given.get(name, "")) for name in _AMOUNTS}
    try:
        return Economics(**amounts, currency=given.get("currency", "").strip())
    except EconomicsError as error:
        raise ChoiceError(str(error)) from None


def _amount(name: str, text: str) -> float:
    try:
        amount = float(text.strip() or 0)
    except ValueError:
        amount = math.nan
    if not math.isfinite(amount):
        raise ChoiceError(f"{text[:40]!r} is no amount for the {name}. Write it like 12.50.")
    return amount
