"""All that the rows say of a candidate: the differences, the slices, the groups, and the power to see more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.config.economics import Economics
from ml.config.gate_settings import GateSettings
from ml.evaluation.list_change import ListChange, list_change
from ml.evaluation.scored_rows import ScoredRows
from ml.gate.budget import Budget, RefreshDue, budget_of, refresh_due
from ml.gate.context import Look
from ml.gate.fairness import Fairness, fairness
from ml.gate.paired.compare import compare
from ml.gate.paired.contributions import METRICS, PROFIT
from ml.gate.paired.difference import PairedDifference
from ml.gate.paired.power import GAIN_OF_INTEREST, POWER, Power, power_of
from ml.gate.paired.slice_tests import SliceTest, slice_tests
from ml.gate.rules import NON_INFERIORITY_LEVEL, SLICES_LEVEL, is_better


@dataclass(frozen=True)
class Evidence:
    """The numbers of a verdict, before any rule is applied to them.

    Attributes:
        budget: The level of this look.
        primary: The difference of the metric that decides, against the reference.
        guards: Those of the other metrics.
        anchor: The primary metric's difference against the anchor; None without one.
        gone_back_from: That against the quarantined version from which a hold came; None without one.
        slices: The tests of the slices.
        fairness: What the candidate does in the groups.
        power: What this look could have seen.
        refresh: Whether a refresh is due.
        list_change: How the list of customers would change against the baseline's; None without rows.
    """

    budget: Budget
    primary: PairedDifference
    guards: tuple[PairedDifference, ...]
    anchor: PairedDifference | None
    slices: tuple[SliceTest, ...]
    fairness: Fairness
    power: Power
    refresh: RefreshDue
    gone_back_from: PairedDifference | None = None
    list_change: ListChange | None = None


def gather(
    scored: ScoredRows,
    look: Look,
    *,
    settings: GateSettings,
    threshold: float,
    least_of_a_class: int,
    cut: float | None = None,
) -> Evidence:
    """Compute all numbers of a verdict; the arguments are those of `ml.gate.decision.decide`."""
    candidate, primary = scored.candidate, settings.primary
    differences = {
        metric: compare(
            metric, scored.labels, scored.profiles, candidate, scored.references[: settings.references],
            threshold=threshold, cut=cut,
        )
        for metric in (*METRICS, *([PROFIT] if cut is not None else []))
    }  # fmt: skip

    def against(one: NDArray[np.float32] | None) -> PairedDifference | None:
        if one is None:
            return None
        return compare(
            primary, scored.labels, scored.profiles, candidate, one[np.newaxis], threshold=threshold, cut=cut
        )

    budget = budget_of(settings, look)
    return Evidence(
        budget=budget,
        primary=differences[primary],
        guards=tuple(one for metric, one in differences.items() if metric != primary),
        anchor=against(scored.anchor),
        slices=tuple(slice_tests(scored, settings, threshold=threshold, least_of_a_class=least_of_a_class, cut=cut)),
        fairness=fairness(
            scored.labels, scored.profiles, candidate, scored.groups, threshold=threshold, settings=settings
        ),
        power=power_of(differences[primary], budget.level),
        refresh=refresh_due(settings, look),
        gone_back_from=against(scored.gone_back_from),
        list_change=list_change(scored.rows, candidate, scored.references[0], threshold=threshold),
    )


def as_details(
    evidence: Evidence,
    scored: ScoredRows,
    look: Look,
    *,
    settings: GateSettings,
    threshold: float,
    least: int,
    economics: Economics | None = None,
) -> dict[str, Any]:
    """Return the numbers as a tree of plain values, with all that it takes to compute them again from the rows."""
    level = evidence.budget.level
    anchor, left = evidence.anchor, evidence.gone_back_from
    beats = left is not None and bool(is_better(left.gain, left.standard_error, level))
    return {
        "rows": len(scored.labels),
        "profiles": evidence.primary.clusters,
        "positives": int(np.count_nonzero(scored.labels)),
        "references": min(len(scored.references), settings.references),
        "threshold": threshold,
        "primary": settings.primary,
        "margin": settings.margin,
        **({"economics": {"value": economics.value, "cost": economics.cost}} if economics else {}),
        "look": asdict(look),
        "level": {
            "look": level,
            "non_inferiority": NON_INFERIORITY_LEVEL,
            "slices": SLICES_LEVEL,
            "false_promotions_per_year": settings.false_promotions_per_year,
            "looks_per_year": settings.looks_per_year,
            "divided_by": evidence.budget.looks,
        },
        "differences": {one.metric: _difference(one, level) for one in (evidence.primary, *evidence.guards)},
        "not_worse": _difference(evidence.primary, NON_INFERIORITY_LEVEL),
        "anchor": None if anchor is None else _difference(anchor, NON_INFERIORITY_LEVEL),
        **({} if left is None else {"gone_back_from": {**_difference(left, level), "is_better": beats}}),
        **({} if evidence.list_change is None else {"list_change": evidence.list_change.as_dict()}),
        "refresh": {"due": evidence.refresh.due, "why": evidence.refresh.why},
        "least_of_a_class": least,
        "slices": [_slice(one) for one in evidence.slices],
        "fairness": {"blocks": settings.fairness == "block", **evidence.fairness.details},
        "power": {
            "power": POWER,
            "detectable": evidence.power.detectable,
            "gain": GAIN_OF_INTEREST,
            "rows_needed": evidence.power.rows_needed,
        },
    }


def _difference(one: PairedDifference, level: float) -> dict[str, Any]:
    return {**asdict(one), "gain": one.gain, "level": level, "lower": one.lower(level), "upper": one.upper(level)}


def _slice(one: SliceTest) -> Mapping[str, Any]:
    tested = one.difference
    return {
        "column": one.column,
        "group": one.group,
        "positives": one.positives,
        "negatives": one.negatives,
        "tested": tested is not None,
        "gain": tested.gain if tested else None,
        "standard_error": tested.standard_error if tested else None,
        "p": one.p,
        "holm": one.holm,
        "worse": one.is_worse,
    }
