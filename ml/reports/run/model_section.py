"""How well the candidate ranks, how honest its probabilities are, and what its threshold decides; beside the champion.

The champion's side is the model that the candidate was compared with, on the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.scored_rows import ScoredRows
from ml.reports.look.palette import CANDIDATE, CHAMPION, MUTED
from ml.reports.look.plot import Plot, Table, drawing, svg_of
from ml.reports.look.section import Section
from ml.reports.run.curves import Estimate, auc_of, curves_of, groups_of
from ml.reports.run.material import Material

INCHES = 4.6, 3.4
Scores = Mapping[str, NDArray[np.float32]]
"""The scores of the candidate, and of what it is compared with, by their names; the candidate is the first."""
CANDIDATE_NAME = "candidate"
COLOURS = (CANDIDATE, CHAMPION)


def model_section(of: Material) -> Section | None:
    """Return the section; None when no candidate was evaluated."""
    if of.rows is None:
        return None
    scores = {CANDIDATE_NAME: of.rows.candidate}
    if len(of.rows.references):
        scores[of.baseline or "champion"] = of.rows.references[0]
    labels, threshold = of.rows.labels, float(of.evaluation.get("threshold", 0.5))
    target = str(of.evaluation.get("target", "target"))
    says = [
        f"On {len(labels):,} evaluation rows that no model was trained on; {np.mean(labels > 0):.1%} of them are "
        f"customers of segment {target}. Intervals hold 95 %."
    ]
    if len(scores) > 1:
        says.append(f"Blue is the candidate, grey {list(scores)[1]}.")
    plots = [*_roc_and_pr(of.rows, scores), _calibration(labels, scores), _gains(labels, scores)]
    plots += [_lift(labels, scores), _confusion(labels, scores, threshold, target)]
    return Section("model", "Model", says, plots=[plot for plot in plots if plot is not None])


def _roc_and_pr(rows: ScoredRows, scores: Scores) -> list[Plot]:
    curves = {name: found for name, score in scores.items() if (found := curves_of(rows.labels, score)) is not None}
    if not curves:
        return []
    areas = {name: auc_of(rows.labels, rows.profiles, scores[name]) for name in curves}
    base = float(np.mean(rows.labels > 0))
    with drawing(inches=INCHES) as (figure, axes):
        axes.plot([0, 100], [0, 100], color=MUTED, linestyle="--", linewidth=1)
        for name, curve in reversed(curves.items()):
            axes.plot(100 * curve.false_positive_rate, 100 * curve.recall, color=_colour(scores, name))
        _square(axes, "others selected (false positive rate, %)", "targets found (recall, %)")
        axes.text(55, 50, "chance", color=MUTED)
        roc = svg_of(figure, "roc")
    with drawing(inches=INCHES) as (figure, axes):
        axes.axhline(100 * base, color=MUTED, linestyle="--", linewidth=1)
        for name, curve in reversed(curves.items()):
            axes.plot(100 * curve.recall, 100 * curve.precision, color=_colour(scores, name))
        _square(axes, "targets found (recall, %)", "targets among the selected (precision, %)")
        axes.text(2, 100 * base + 2, "chance", color=MUTED)
        precision = svg_of(figure, "precision-recall")
    says = "; ".join(f"{name} {interval_text(area)}" for name, area in areas.items())
    at = np.linspace(0, 1, 11)
    roc_table = Table(
        ["false positive rate", *(f"recall, {name}" for name in curves)],
        [[f"{x:.0%}", *(f"{np.interp(x, c.false_positive_rate, c.recall):.1%}" for c in curves.values())] for x in at],
    )
    precision_table = Table(
        ["recall", *(f"precision, {name}" for name in curves)],
        [[f"{x:.0%}", *(f"{np.interp(x, c.recall, c.precision):.1%}" for c in curves.values())] for x in at[1:]],
    )
    return [
        Plot("roc", "ROC", f"AUC: {says}.", roc, roc_table),
        Plot("precision-recall", "Precision and recall", f"Selecting by chance is right {base:.1%} of the time.",
             precision, precision_table),
    ]  # fmt: skip


def _calibration(labels: NDArray[np.int8], scores: Scores) -> Plot:
    groups = {name: groups_of(labels, score) for name, score in scores.items()}
    with drawing(inches=INCHES) as (figure, axes):
        axes.plot([0, 100], [0, 100], color=MUTED, linestyle="--", linewidth=1)
        for name, found in reversed(groups.items()):
            mean, share = np.array([[100 * one.mean, 100 * one.share] for one in found]).T
            ends = 100 * np.array([one.interval for one in found]).T
            is_candidate = name == next(iter(scores))
            if is_candidate:
                axes.vlines(mean, *ends, color=CANDIDATE, linewidth=1, alpha=0.6)
            axes.plot(mean, share, marker="o", markersize=4.5, linewidth=1.2, color=_colour(scores, name))
        _square(axes, "mean probability (%)", "share of targets (%)")
        svg = svg_of(figure, "calibration")
    candidate = next(iter(groups.values()))
    off = max(abs(one.mean - one.share) for one in candidate)
    outside = sum(not one.interval[0] <= one.mean <= one.interval[1] for one in candidate)
    says = (
        f"Ten equal groups by probability: on the dashed line what is said comes true. The candidate is off by at most "
        f"{100 * off:.1f} points; {outside} of {len(candidate)} groups lie outside their interval."
    )
    head = ["group"]
    for name in groups:
        head += [f"mean probability, {name}", "share of targets", "95 % interval"]
    rows = [
        [f"{place + 1}", *(cell for found in groups.values() for cell in _calibration_cells(found[place]))]
        for place in range(len(candidate))
    ]
    return Plot("calibration", "Calibration", says, svg, Table(head, rows))


def _calibration_cells(group: Any) -> list[str]:
    low, high = group.interval
    return [f"{group.mean:.1%}", f"{group.share:.1%} ({group.positives} of {group.rows})", f"{low:.1%} to {high:.1%}"]


def _gains(labels: NDArray[np.int8], scores: Scores) -> Plot | None:
    total = int(np.count_nonzero(labels))
    if not total:
        return None
    found = {name: np.cumsum([0, *(one.positives for one in groups_of(labels, s))]) for name, s in scores.items()}
    share = {name: 100 * of / total for name, of in found.items()}
    tenths = np.linspace(0, 100, len(next(iter(share.values()))))
    with drawing(inches=INCHES) as (figure, axes):
        axes.plot([0, 100], [0, 100], color=MUTED, linestyle="--", linewidth=1)
        for name, values in reversed(share.items()):
            axes.plot(tenths, values, marker="o", markersize=4.5, color=_colour(scores, name))
        _square(axes, "customers addressed, the likeliest first (%)", "targets reached (%)")
        axes.text(55, 50, "chance", color=MUTED)
        svg = svg_of(figure, "gains")
    first = next(iter(share.values()))
    third = min(3, len(first) - 1)
    says = (
        f"Who addresses the likeliest {tenths[third]:.0f} % of customers reaches {first[third]:.0f} % of the targets."
    )
    rows = [[f"{x:.0f} %", *(f"{of[place]:.1f} %" for of in share.values())] for place, x in enumerate(tenths)]
    return Plot("gains", "Gains", says, svg, Table(["addressed", *(f"reached, {name}" for name in share)], rows))


def _lift(labels: NDArray[np.int8], scores: Scores) -> Plot | None:
    base = float(np.mean(labels > 0))
    if not base:
        return None
    groups = {name: groups_of(labels, score) for name, score in scores.items()}
    candidate = next(iter(groups.values()))
    places = np.arange(1, len(candidate) + 1)
    with drawing(inches=INCHES) as (figure, axes):
        axes.axhline(1, color=MUTED, linestyle="--", linewidth=1)
        axes.bar(places, [one.share / base for one in candidate], 0.7, color=CANDIDATE, alpha=0.75)
        low, high = np.array([one.interval for one in candidate]).T / base
        axes.vlines(places, low, high, color=CANDIDATE, linewidth=1.4)
        for name, found in groups.items():
            if found is not candidate:
                axes.plot(places, [one.share / base for one in found], "D", markersize=5, color=_colour(scores, name))
        axes.set_xticks(places)
        axes.set_xlabel("tenth of customers, the likeliest first")
        axes.set_ylabel("lift (times the share of all)")
        axes.grid(axis="y")
        svg = svg_of(figure, "lift")
    says = (
        f"In the first tenth {candidate[0].share:.0%} are targets, {candidate[0].share / base:.1f} times the share of "
        f"all customers ({base:.1%})."
    )
    head = ["tenth"]
    for name in groups:
        head += [f"targets, {name}", "95 % interval", "lift"]
    rows = [
        [f"{place + 1}", *(cell for found in groups.values() for cell in _lift_cells(found[place], base))]
        for place in range(len(candidate))
    ]
    return Plot("lift", "Lift by tenth", says, svg, Table(head, rows))


def _lift_cells(group: Any, base: float) -> list[str]:
    low, high = group.interval
    shown = f"{group.share:.1%} ({group.positives} of {group.rows})"
    return [shown, f"{low:.1%} to {high:.1%}", f"{group.share / base:.2f}"]


def _confusion(labels: NDArray[np.int8], scores: Scores, threshold: float, target: str) -> Plot:
    positive = labels > 0
    tables = {name: _counts(positive, score > threshold) for name, score in scores.items()}
    with drawing(inches=(INCHES[0], 2.6), columns=len(tables)) as (figure, axes):
        for place, (name, counts) in zip(np.atleast_1d(axes), tables.items(), strict=True):
            _matrix(place, counts, target, title=name, colour=_colour(scores, name))
        svg = svg_of(figure, "confusion")
    hits, missed, wrong, _ = next(iter(tables.values()))
    says = (
        f"With the threshold {threshold:g} the candidate selects {hits + wrong:,} of {len(labels):,} customers; "
        f"{hits:,} of them are targets, and {missed:,} targets are not selected."
    )
    head = ["model", "targets selected", "targets missed", "others selected", "others passed over"]
    return Plot("confusion", f"Confusion matrix at {threshold:g}", says, svg,
                Table(head, [[name, *(f"{n:,}" for n in counts)] for name, counts in tables.items()]))  # fmt: skip


def _counts(positive: NDArray[np.bool_], selected: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    pairs = ((positive, selected), (positive, ~selected), (~positive, selected), (~positive, ~selected))
    hits, missed, wrong, passed = (int(np.count_nonzero(one & other)) for one, other in pairs)
    return hits, missed, wrong, passed


def _matrix(axes: Any, counts: tuple[int, int, int, int], target: str, *, title: str, colour: str) -> None:
    total = sum(counts) or 1
    for place, n in enumerate(counts):
        x, y = place % 2, place // 2
        shade = 0.06 + 0.4 * n / total
        axes.fill_between([x + 0.03, x + 0.97], y + 0.03, y + 0.97, color=colour, alpha=shade, linewidth=0)
        axes.text(x + 0.5, y + 0.42, f"{n:,}", ha="center", va="center", fontsize=12, weight="bold")
        axes.text(x + 0.5, y + 0.7, f"{n / total:.1%}", ha="center", va="center", color=MUTED, fontsize=8)
    axes.set(xlim=(0, 2), ylim=(2, 0), title=title)
    axes.set_xticks([0.5, 1.5], ["selected", "not selected"])
    axes.set_yticks([0.5, 1.5], [f"{target}", "rest"])
    if title == CANDIDATE_NAME:
        axes.set_ylabel("in truth")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _square(axes: Any, x: str, y: str) -> None:
    axes.set(xlim=(0, 100), ylim=(0, 102), xlabel=x, ylabel=y)
    axes.grid()


def _colour(scores: Scores, name: str) -> str:
    return COLOURS[list(scores).index(name)]


def interval_text(of: Estimate) -> str:
    """Return an estimate as people read it: `0.8746 (0.8563 to 0.8930)`."""
    if np.isnan(of.value):
        return "not defined"
    return f"{of.value:.4f} ({of.low:.4f} to {of.high:.4f})"
