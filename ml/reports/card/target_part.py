"""Whom to target: what to expect of the best tenth, fifth and third of a list, and what decided the promotion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from ml.config.economics import Economics
from ml.gate.paired.expected_profit import ExpectedProfit, expected_profit
from ml.gate.paired.profit import CUSTOMERS
from ml.registry.ledger.entries import ADOPTED, APPROVED, OVERRIDDEN, ROLLBACK
from ml.registry.ledger.ledger import Ledger
from ml.registry.references import ancestry
from ml.reports.card.material import Material, Part
from ml.reports.card.targeting import Top, tops
from ml.reports.look.plot import Table
from ml.reports.look.section import Section
from ml.reports.look.words import as_people_say, interval, percent, rounded

HEADLINE = 0.2
"""The share of a list of which the card speaks first."""


def target_part(of: Material) -> Part:
    """Return the part of the card; its first sentence is the card's headline."""
    title = "Whom to target"
    if of.rows is None:
        why = "Its evaluation rows are not kept or were changed, so what to expect of a list is not known."
        return Part(Section("target", title, [why, *_taken_over(of)]))
    found = tops(of.rows.labels, of.rows.candidate, of.rows.profiles)
    if not found:
        return Part(Section("target", title, ["No measured customer is a target, so what to expect is not known."]))
    average = float(of.rows.labels.mean())
    numbers = {"measured": len(of.rows.labels), "average": average, "top": [asdict(one) for one in found]}
    numbers |= {"decision": str(of.original.entry.get("decision", ""))}
    says = [_best(of, found, average), _measured(of), *_decided(of)]
    if (economics := of.economics) is not None:
        earned = expected_profit(of.rows.labels, of.rows.profiles, of.rows.candidate, economics)
        numbers["money"] = asdict(economics) | {"cut": economics.cut} | asdict(earned)
        says.append(_pays(of, economics, earned))
    return Part(Section("target", title, says, [("", _table(of, found))]), numbers)


def _best(of: Material, found: list[Top], average: float) -> str:
    top = next(one for one in found if one.share == HEADLINE)
    return (
        f"Of the best {percent(top.share)} of a list, {as_people_say(top.precision)} are {of.name} "
        f"(likely {interval(top.precision_interval)}). Of all customers, {percent(average)} are."
    )


def _measured(of: Material) -> str:
    count = len(of.right)
    return f"Measured on {count:,} customers on whom it was not trained. Ranges hold the truth in 95 of 100 cases."


def _pays(of: Material, economics: Economics, earned: ExpectedProfit) -> str:
    """Return which contacts pay, and what they earn; the rule is fixed, and no cut is chosen on these customers."""
    low, high = (economics.amount(rounded(end)) for end in (earned.low, earned.high))
    budget = (
        f" A budget of {economics.amount(economics.budget)} pays for {economics.affordable:,} of them."
        if economics.affordable is not None
        else ""
    )
    return (
        f"At {economics.amount(economics.cost)} a contact and {economics.amount(economics.value)} for each {of.name} "
        f"who is reached, a contact pays above a probability of {100 * economics.cut:.3g} %. That is the best "
        f"{percent(earned.share)} of these customers; contacting them earns about "
        f"{economics.amount(rounded(earned.profit))} for {CUSTOMERS:,} customers of a list (likely {low} to {high})."
        f"{budget}"
    )


def _decided(of: Material) -> Iterator[str]:
    """Yield what these customers had to do with the promotion, each where it is true."""
    intent, original = of.subject.entry, of.original.entry
    if "rollback_of" in intent:
        yield (
            f"It has the bytes of version {intent['rollback_of']}. These customers did not decide that it came back: "
            f"{_why_back(of)}"
        )
    approved = next((event for event in of.original.events if event["event"] == APPROVED), None)
    by = f" {approved.get('who', 'A person')} approved it: {_quoted(approved)}" if approved else ""
    decision, beside = str(original.get("decision", "")), original.get("champion")
    if original.get("event") == ADOPTED:
        yield from _taken_over(of)
        yield "These customers did not decide that."
    elif decision in (ancestry.FIRST, ancestry.REPLACES_SAMPLE):
        yield f"It was compared with no other version: on these customers it had to reach the thresholds.{by}"
    elif decision in (ancestry.BETTER, ancestry.REFRESH):
        found = "better than" if decision == ancestry.BETTER else "not worse than"
        yield (
            f"The same customers decided that it was promoted, as {found} version {beside}: where it matters, count on "
            f"the lower end of a range.{by}"
        )
    elif decision == ancestry.OVERRIDDEN:
        override = next((event for event in of.original.events if event["event"] == OVERRIDDEN), {})
        found = _found_against(of)
        yield f"{found}; {override.get('who', 'a person')} overrode that: {_quoted(override)}"
    elif decision == ancestry.ACCEPTED:
        yield f"It could not be compared with version {beside}; that it came nevertheless is a setting, no result.{by}"


def _taken_over(of: Material) -> Iterator[str]:
    """Yield that a person adopted it, and why."""
    original = of.original.entry
    if original.get("event") == ADOPTED:
        yield f"{original.get('who', 'A person')} took it over: {_quoted(original)}"


def _found_against(of: Material) -> str:
    """Return what the verdict was that a person overrode: a worse version is called so."""
    codes, beside = of.original.entry.get("codes") or (), of.original.entry.get("champion")
    if "worse" in codes:
        return f"On these customers it was found to be worse than version {beside}"
    if {"guard_worse", "slice_worse"}.intersection(codes):
        return f"On these customers it was found to be worse than version {beside} by one metric or in one group"
    return "What these customers said was not enough to promote it"


def _why_back(of: Material) -> str:
    for event in reversed(Ledger(of.root.ledger).events()):
        if event["event"] == ROLLBACK and event["result"] == of.version:
            return _quoted(event)
    return _quoted({})


def _quoted(event: Mapping[str, Any]) -> str:
    """Return the reason that somebody gave, as the end of a sentence."""
    reason = str(event.get("reason", "")).strip()
    return f"\u201c{reason.rstrip('.')}\u201d." if reason else "the reason is not recorded."


def _table(of: Material, found: list[Top]) -> Table:
    rows = [
        [
            f"best {percent(top.share)}",
            percent(top.precision),
            interval(top.precision_interval),
            f"{top.lift:.1f}",
            f"{top.lift_interval[0]:.1f} to {top.lift_interval[1]:.1f}",
        ]
        for top in found
    ]
    return Table(["of a list", f"are {of.name}", "likely", "times the average", "likely"], rows)
