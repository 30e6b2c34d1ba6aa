"""The groups of customers: how well the candidate ranks in each of them, with interval and rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.evaluation.slices import slices
from ml.reports.look.palette import CANDIDATE, CHAMPION, MUTED
from ml.reports.look.plot import Plot, Table, drawing, svg_of
from ml.reports.look.section import Section
from ml.reports.run.curves import Estimate, auc_of
from ml.reports.run.deciding_plot import FRAME, WIDTH, signed
from ml.reports.run.material import Material
from ml.reports.run.model_section import interval_text

ALL = "all customers"
ROW = 0.34


@dataclass(frozen=True)
class Slice:
    """One group.

    Attributes:
        name: What selects it.
        rows: Its rows.
        positives: Targets among them.
        candidate: The candidate's AUC in it.
        champion: That of the model beside it; None without one.
        test: What the gate found there; empty when it did not test.
    """

    name: str
    rows: int
    positives: int
    candidate: Estimate
    champion: Estimate | None
    test: Mapping[str, Any]


def slices_section(of: Material) -> Section | None:
    """Return the section; None when no candidate was evaluated."""
    found = _slices(of)
    if not found:
        return None
    worse = [one.name for one in found if one.test.get("worse")]
    says = [f"The candidate is proven worse in {', '.join(worse)}."] if worse else []
    if any(one.test.get("tested") for one in found) and not worse:
        says.append("In no group the candidate is proven worse (5 % for all groups together, Holm's correction).")
    plot = _plot(found, of.baseline)
    return Section("slices", "Slices", says, plots=[plot] if plot else [])


def _slices(of: Material) -> list[Slice]:
    if of.rows is None:
        return []
    rows = of.rows
    tests = {(one["column"], one["group"]): one for one in of.evidence.get("slices") or []}
    found = []
    for selected_by, mask in slices(rows.groups, len(rows.labels)):
        column, group = next(iter(selected_by.items()), ("", ""))
        labels, profiles = rows.labels[mask], rows.profiles[mask]
        beside = auc_of(labels, profiles, rows.references[0][mask]) if len(rows.references) else None
        name = f"{column} = {group}" if column else ALL
        candidate = auc_of(labels, profiles, rows.candidate[mask])
        positives = int(np.count_nonzero(labels))
        found.append(Slice(name, len(labels), positives, candidate, beside, tests.get((column, group), {})))
    return found


def _plot(found: list[Slice], baseline: str) -> Plot | None:
    shown = [one for one in found if not np.isnan(one.candidate.value)]
    if not shown:
        return None
    with drawing(inches=(WIDTH, FRAME + ROW * len(shown))) as (figure, axes):
        axes.axvline(shown[0].candidate.value, color=MUTED, linestyle="--", linewidth=1)
        for place, one in enumerate(shown):
            axes.plot([one.candidate.low, one.candidate.high], [place] * 2, color=CANDIDATE, linewidth=1.8)
            axes.plot([one.candidate.value], [place], "o", color=CANDIDATE, markersize=6)
            if one.champion is not None:
                axes.plot([one.champion.value], [place + 0.25], "D", color=CHAMPION, markersize=4)
        axes.set_yticks(range(len(shown)), [f"{one.name}  (n={one.rows:,})" for one in shown])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlabel("AUC, with its 95 % interval")
        axes.grid(axis="x")
        svg = svg_of(figure, "slices")
    beside = f" Grey is {baseline}." if shown[0].champion else ""
    says = f"The dashed line is the candidate's AUC among all customers.{beside} Few rows make wide intervals."
    return Plot("slices-auc", "AUC by group", says, svg, _table(found, baseline))


def _table(found: list[Slice], baseline: str) -> Table:
    compared = any(one.champion for one in found)
    head = ["group", "rows", "targets", "AUC, candidate (95 %)"]
    head += [f"AUC, {baseline or 'champion'} (95 %)", "gain", "p (Holm)", "proven worse"] if compared else []
    return Table(head, [_cells(one, compared=compared) for one in found])


def _cells(one: Slice, *, compared: bool) -> list[str]:
    cells = [one.name, f"{one.rows:,}", f"{one.positives:,}", interval_text(one.candidate)]
    if compared:
        gain, p = one.test.get("gain"), one.test.get("holm")
        cells += [interval_text(one.champion) if one.champion else "-", "-" if gain is None else signed(gain)]
        tested = one.test.get("tested")
        cells += ["-" if p is None else f"{p:.3f}", "-" if not tested else "yes" if one.test["worse"] else "no"]
    return cells
