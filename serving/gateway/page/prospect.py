"""What to expect of a chosen list, in numbers, sentences and curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.expectation.calibration import Expectation
from serving.expectation.economics import Economics
from serving.expectation.profit import is_contacted, list_profit, profit_curve
from serving.gateway.page.choice import Choice
from serving.gateway.page.scored_list import ScoredList
from serving.gateway.page.work.columns import reckoned_with
from serving.score.summary import percent

_POINTS = 120


def prospect(found: ScoredList, choice: Choice) -> dict[str, Any]:
    """What the page shows of a choice.

    The expectation and the profit are those of `python -m serving.score`.
    """
    count, facts = choice.count, found.facts
    best = found.probabilities[:count]
    target = facts.target or next((label for label in facts.labels if label != "rest"), "")
    told: dict[str, Any] = {
        "count": count,
        "customers": found.customers,
        "version": facts.version,
        "target": target,
        "least": round(float(best[-1]), 2) if count else None,
        "title": f"{count:,} of {found.customers:,} customers, {percent(count / found.customers)} of all",
        "notes": [*_notes(choice)],
        "expected": None,
        "gains": None,
        "money": None,
    }
    if found.calibration is None:
        told["notes"].append(f"How many of them to expect to be {target or 'targets'} is not known: {facts.reason}.")
        return told
    curve = profit_curve(found.calibration, found.probabilities, choice.economics)
    everybody = float(curve.found[-1]) / found.customers
    reached = float(curve.found[count] / curve.found[-1])
    expected = found.calibration.expect(best) if count else Expectation(0.0, 0.0, 0.0)
    told["expected"] = {
        "targets": round(expected.share * count),
        "low": round(expected.low * count),
        "high": round(expected.high * count),
        "share": percent(expected.share),
        "likely": f"{percent(expected.low)} to {percent(expected.high)}",
        "without": round(everybody * count),
        "without_share": percent(everybody),
        "reached": percent(reached),
    }
    contacts = np.unique(np.linspace(0, found.customers, _POINTS + 1).round().astype(int))
    told["reached"] = round(reached, 6)
    told["gains"] = _curve(contacts, curve.found[contacts] / curve.found[-1])
    if choice.economics is not None:
        told["money"] = _money(found, choice, choice.economics, expected)
        told["money"]["curve"] = _curve(contacts, curve.profit[contacts])
    return told


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


def _money(found: ScoredList, choice: Choice, economics: Economics, expected: Expectation) -> dict[str, Any]:
    count, facts, amount = choice.count, found.facts, economics.amount
    profit = list_profit(expected, count, economics)
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
    }


def _curve(contacts: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> list[list[float]]:
    """Points of a curve: how many are contacted, and a value."""
    return [[int(number), round(float(value), 6)] for number, value in zip(contacts, values, strict=True)]
