"""What to expect of a chosen list, in numbers, sentences and curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.expectation.calibration import Expectation
from serving.expectation.control_group import is_hopeless, smallest_uplift
from serving.expectation.economics import Economics
from serving.expectation.profit import is_contacted, list_profit, profit_curve
from serving.gateway.page.choice import Choice
from serving.gateway.page.scored_list import ScoredList
from serving.gateway.page.work.columns import reckoned_with
from serving.score.lists.drawn_list import DrawnList
from serving.score.summary import percent

_POINTS = 120
_USUAL_CONTROL = 0.05
"""What the page offers as a control group."""


def prospect(found: ScoredList, choice: Choice) -> dict[str, Any]:
    """What the page shows of a choice.

    The expectation and the profit are those of `python -m serving.score`.
    """
    count, facts = choice.count, found.facts
    drawn = found.drawn(count, choice.explore, choice.control)
    target = facts.target or next((label for label in facts.labels if label != "rest"), "")
    best = found.probabilities[: count - int(drawn.draw.explored.sum())]
    told: dict[str, Any] = {
        **drawn.as_dict(),
        "count": count,
        "customers": found.customers,
        "version": facts.version,
        "target": target,
        "least": round(float(best[-1]), 2) if len(best) else None,
        "title": f"{count:,} of {found.customers:,} customers, {percent(count / found.customers)} of all",
        "notes": [*_notes(choice), *(f"{note[0].upper()}{note[1:]}." for note in drawn.notes())],
        "expected": None,
        "gains": None,
        "money": None,
        "power": None,
    }
    if found.calibration is None:
        told["notes"].append(f"How many of them to expect to be {target or 'targets'} is not known: {facts.reason}.")
        return told
    contacts = drawn.contacts
    curve = profit_curve(found.calibration, found.probabilities, choice.economics)
    everybody = float(curve.found[-1]) / found.customers
    expected = drawn.expect(found.by_row(), found.calibration) or Expectation(0.0, 0.0, 0.0)
    reached = expected.share * contacts / float(curve.found[-1])
    told["expected"] = {
        "targets": round(expected.share * contacts),
        "low": round(expected.low * contacts),
        "high": round(expected.high * contacts),
        "share": percent(expected.share),
        "likely": f"{percent(expected.low)} to {percent(expected.high)}",
        "without": round(everybody * contacts),
        "without_share": percent(everybody),
        "reached": percent(reached),
    }
    told["power"] = _power(drawn, choice, found.calibration.expect(found.by_row()[drawn.draw.rows]) if count else None)
    points = np.unique(np.linspace(0, found.customers, _POINTS + 1).round().astype(int))
    told["reached"] = round(reached, 6)
    told["gains"] = _curve(points, curve.found[points] / curve.found[-1])
    if choice.economics is not None:
        told["money"] = _money(found, choice, choice.economics, drawn, expected)
        told["money"]["curve"] = _curve(points, curve.profit[points])
    return told


def _power(drawn: DrawnList, choice: Choice, expected: Expectation | None) -> dict[str, Any] | None:
    """What the control group can show, or what a usual one would, where there is none; None for an empty list."""
    if expected is None:
        return None
    alone = int(drawn.draw.control.sum()) if choice.control else round(_USUAL_CONTROL * len(drawn))
    uplift = smallest_uplift(len(drawn) - alone, alone, expected.share)
    return {
        "is_chosen": choice.control > 0,
        "alone": alone,
        "others": len(drawn) - alone,
        "share": f"{100 * (choice.control or _USUAL_CONTROL):g} %",
        "uplift": None if is_hopeless(uplift, expected.share) else f"{100 * uplift:.0f}",
        "base": percent(expected.share),
    }


def _notes(choice: Choice) -> list[str]:
    notes = []
    if choice.count != choice.asked:
        taken = "taken" if choice.count > choice.asked else "left out"
        notes.append(
            f"Asked for were {choice.asked:,}; customers with the same probability as the last one are {taken} "
            "together."
        )
    economics = choice.economics
    if choice.way == "budget" and economics and economics.affordable == 0:
        notes.append("The budget does not pay for one contact.")
    elif choice.way in ("budget", "pay") and not choice.count:
        notes.append("No contact pays: nobody's probability times the value exceeds the cost.")
    elif choice.way == "budget" and economics and economics.affordable and economics.affordable > choice.asked:
        notes.append(
            f"The budget would pay for {economics.affordable:,} contacts; only {choice.asked:,} of them earn more than "
            "they cost."
        )
    return notes


def _money(
    found: ScoredList, choice: Choice, economics: Economics, drawn: DrawnList, expected: Expectation
) -> dict[str, Any]:
    facts, amount = found.facts, economics.amount
    profit = list_profit(expected, drawn.contacts, economics)
    lots = int(drawn.by_lot.sum())
    whence = "entered for this list alone" if choice.is_entered else f"from the settings of version {facts.version}"
    return {
        "cost": amount(profit.cost),
        "back": amount(profit.back),
        "profit": amount(profit.profit),
        "likely": f"{amount(profit.profit_low)} to {amount(profit.profit_high)}",
        "terms": f"{reckoned_with(economics, facts.target)}, {whence}",
        "paying": int(is_contacted(found.calibrated, economics.cut).sum()),
        "pays_above": f"{100 * economics.cut:.3g} %",
        "at": round(profit.profit, 2),
        "currency": economics.currency,
        "lots": amount(lots * economics.cost) if lots else "",
    }


def _curve(contacts: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> list[list[float]]:
    """Points of a curve: how many are contacted, and a value."""
    return [[int(number), round(float(value), 6)] for number, value in zip(contacts, values, strict=True)]
