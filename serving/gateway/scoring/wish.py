"""What is wanted of a file: the parameters of POST /v1/score."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from urllib.parse import parse_qs

from serving.expectation.economics import amount
from serving.score.options import parse_share, parse_top

_AMOUNTS = ("value", "cost", "budget")
_SHARES = ("explore", "control")
CURE = (
    "The parameters are top (a number like 500, a share like 20%25, or pays), value, cost and budget (amounts of "
    "money), reasons (yes or no), and explore and control (shares of the list like 2%25, or 0)"
)


@dataclass(frozen=True)
class Wish:
    """Parameters of the request with the names and forms of the command's options.

    Attributes:
        top: How many of the best; None for all.
        value: Of a target customer who is contacted; None for that of the release.
        cost: Of one contact; None for that of the release.
        budget: For the contacts of this list; None for that of the release.
        reasons: Whether each customer gets what speaks for and against.
        explore: The share of the list for customers from outside the cut, 0 to 1; None for the usual one.
        control: The share that is left alone, 0 to 1.
    """

    top: str | None = None
    value: float | None = None
    cost: float | None = None
    budget: float | None = None
    reasons: bool = False
    explore: float | None = None
    control: float = 0.0


def wish_of(query: str) -> Wish:
    """Reads a query.

    Raises:
        ValueError: It has other parameters, or one of them twice, or a value that is none.
    """
    given = parse_qs(query, keep_blank_values=True, max_num_fields=10)
    known = {"top", "reasons", *_AMOUNTS, *_SHARES}
    if others := set(given) - known:
        raise ValueError(f"{min(others)[:60]!r} is not a parameter of /v1/score")
    if twice := [name for name, values in given.items() if len(values) > 1]:
        raise ValueError(f"{twice[0]} is given more than once")
    one = {name: values[0] for name, values in given.items()}
    if "top" in one:
        try:
            parse_top(one["top"])
        except argparse.ArgumentTypeError as error:
            raise ValueError(str(error)) from None
    if one.get("reasons", "no") not in ("yes", "no"):
        raise ValueError(f"reasons = {one['reasons'][:40]!r} is neither yes nor no")
    value, cost, budget = (_amount(name, one.get(name)) for name in _AMOUNTS)
    explore, control = (_share(name, one.get(name)) for name in _SHARES)
    return Wish(one.get("top"), value, cost, budget, one.get("reasons") == "yes", explore, control or 0.0)


def _share(name: str, text: str | None) -> float | None:
    try:
        return None if text is None else parse_share(text)
    except ValueError as error:
        raise ValueError(f"{name} = {error}") from None


def _amount(name: str, text: str | None) -> float | None:
    try:
        return None if text is None else amount(text)
    except ValueError:
        raise ValueError(f"{name} = {text[:40] if text else ''!r} is not an amount from 0 to 1,000,000,000") from None
