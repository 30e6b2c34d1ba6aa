"""What contacting customers by the candidate earns, at what somebody has said a contact costs and is worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.config.economics import Economics
from ml.gate.paired.expected_profit import ExpectedProfit, expected_profit, profit_curve
from ml.gate.paired.profit import CUSTOMERS
from ml.reports.look.palette import CANDIDATE, CHAMPION, INK, MUTED
from ml.reports.look.plot import Plot, Table, drawing, svg_of
from ml.reports.look.section import Section
from ml.reports.run.material import Material

INCHES = 5.6, 3.2
COLOURS = (CANDIDATE, CHAMPION)


def money_section(of: Material) -> Section | None:
    """Return the section; None when no candidate was evaluated, or nobody has set `[economics]`."""
    economics = Economics.read(of.settings.get("economics"))
    if economics is None or of.rows is None or not len(of.rows.labels):
        return None
    scores = {"candidate": of.rows.candidate}
    if len(of.rows.references):
        scores[of.baseline or "champion"] = of.rows.references[0]
    labels, profiles = of.rows.labels, of.rows.profiles
    earned = {name: expected_profit(labels, profiles, score, economics) for name, score in scores.items()}
    says = [
        f"The rule is fixed: contact whoever's probability is above {economics.cut:.1%}, where "
        f"{economics.amount(economics.value)} for a reached target is worth the {economics.amount(economics.cost)} of "
        "a contact. A cut chosen on these rows would be a lucky one.",
        *(f"{name.capitalize()}: {_told(one, economics)}." for name, one in earned.items()),
    ]
    return Section("money", "Money", says, plots=[_plot(labels, scores, economics)])


def _told(one: ExpectedProfit, economics: Economics) -> str:
    low, high = (economics.amount(round(end)) for end in (one.low, one.high))
    between = f" ({low} to {high})" if one.low == one.low else ""
    return f"{economics.amount(round(one.profit))} for {CUSTOMERS:,} customers{between}, contacting {one.share:.1%}"


def _plot(labels: NDArray[np.int8], scores: dict[str, NDArray[np.float32]], economics: Economics) -> Plot:
    curves = {name: profit_curve(labels, score, economics) for name, score in scores.items()}
    candidate = next(iter(curves.values()))
    with drawing(inches=INCHES) as (figure, axes):
        axes.axhline(0, color=MUTED, linewidth=0.8)
        for colour, curve in reversed(list(zip(COLOURS, curves.values(), strict=False))):
            axes.plot(100 * curve.share, curve.profit, color=colour)
        axes.axvline(100 * candidate.cut_share, color=INK, linestyle=(0, (3, 2)), linewidth=1.2)
        axes.annotate(
            "the rule", (100 * candidate.cut_share, axes.get_ylim()[1]), xytext=(4, -8), textcoords="offset points",
            color=MUTED, fontsize=8,
        )  # fmt: skip
        axes.set_xlim(0, 100)
        axes.set_xlabel("customers contacted, the likeliest first (%)")
        axes.set_ylabel(f"profit for {CUSTOMERS:,} customers{f' ({economics.currency})' if economics.currency else ''}")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}".replace("-", "\u2212"))
        axes.grid()
        svg = svg_of(figure, "profit")
    places = range(0, len(candidate.share), 10)
    rows = [
        [f"{candidate.share[place]:.0%}", *(economics.amount(round(float(c.profit[place]))) for c in curves.values())]
        for place in places
    ]
    says = (
        f"The dashed line is where the rule cuts the candidate's list: at {candidate.cut_share:.1%} of the customers."
    )
    return Plot("profit", "Profit by the share contacted", says, svg,
                Table(["contacted", *(f"profit, {name}" for name in curves)], rows))  # fmt: skip
