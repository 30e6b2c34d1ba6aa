"""The reasons of a decision as sentences, with metric, value, interval, level, rows and what was compared with."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ml.config.economics import Economics
from ml.evaluation.scored_rows import ScoredRows
from ml.gate.context import Look
from ml.gate.evidence import Evidence
from ml.gate.paired.contributions import PROFIT
from ml.gate.paired.difference import PairedDifference
from ml.gate.paired.power import power_sentence
from ml.gate.paired.profit import CUSTOMERS, money
from ml.gate.reason import Reason
from ml.gate.rules import NON_INFERIORITY_LEVEL, SLICES_LEVEL, is_better

SHOWN_SLICES = 6


class Sentences:
    """Words for the numbers of one verdict."""

    def __init__(
        self,
        evidence: Evidence,
        scored: ScoredRows,
        look: Look,
        margin: float,
        references: int,
        economics: Economics | None = None,
    ) -> None:
        self._evidence = evidence
        self._economics = economics
        self._look = look
        self._margin = margin
        self._anchor = look.anchor or "the anchor"
        others = min(len(scored.references), references) - 1
        equal = f"{others} model{'s' if others > 1 else ''} found equal to it"
        self._reference = f"{look.baseline} and {equal}" if others else look.baseline

    def better(self) -> Reason:
        """The lower bound of the primary metric is above 0."""
        side = "above" if self._evidence.primary.gain == self._evidence.primary.value else "below"
        return Reason("better", f"{self._compared(self._evidence.primary)}. The whole interval is {side} 0: a gain.")

    def guards_hold(self) -> Reason:
        """No other metric is worse."""
        level = self._evidence.budget.level
        shown = ", ".join(f"{one.metric} {self._signed(one.metric, one.value)}" for one in self._evidence.guards)
        return Reason("no_guard_worse", f"No other metric is worse at {_percent(1 - level)}: {shown}.")

    def worse(self, one: PairedDifference, code: str) -> Reason:
        """The upper bound of a metric's gain is below 0."""
        return Reason(code, f"{self._compared(one)}. The whole interval is on the wrong side of 0: a loss.")

    def worse_slices(self) -> Iterator[Reason]:
        """The candidate is proven worse in a group of customers."""
        for one in self._evidence.slices:
            if one.is_worse and one.difference is not None:
                yield Reason(
                    "slice_worse",
                    f"{self._difference(one.difference, f' in {one.name}')} of {self._reference} "
                    f"(n={one.difference.rows}, p={one.holm:.4f} after Holm's correction over "
                    f"{sum(other.difference is not None for other in self._evidence.slices)} slices, below "
                    f"{SLICES_LEVEL:.2f}).",
                )

    def cannot_tell(self) -> Reason:
        """Neither better nor worse."""
        primary = self._evidence.primary
        if not primary.defined:
            return Reason(
                "undefined",
                f"{primary.metric} cannot be compared with {self._reference}: the {primary.rows} rows hold one class "
                "only, or the difference has no spread.",
            )
        if primary.lower(self._evidence.budget.level) > 0:
            return Reason("gain_not_enough", f"{self._compared(primary)}. That is a gain, but another rule is not met.")
        return Reason("cannot_tell", f"{self._compared(primary)}. 0 is within the interval: it cannot be told apart.")

    def guard_undefined(self, one: PairedDifference) -> Reason:
        """Whether a guard is worse cannot be said."""
        return Reason("guard_undefined", f"{one.metric} cannot be compared with {self._reference} on these rows.")

    def refresh(self) -> Reason:
        """Whether a refresh is due, and why."""
        due = self._evidence.refresh
        return Reason("refresh_due" if due.due else "no_refresh_due", due.why)

    def not_worse(self, *, holds: bool) -> Reason:
        """Whether the candidate is not worse than the reference within the margin."""
        primary = self._evidence.primary
        return Reason(
            "not_worse" if holds else "not_worse_unproven", self._margin_kept(primary, self._reference, holds)
        )

    def anchor(self, *, holds: bool) -> Reason:
        """Whether the candidate is not worse than the anchor within the margin."""
        found = self._evidence.anchor
        if found is None:
            return Reason("no_anchor", "There is no anchor to compare with.")
        code = "not_worse_than_anchor" if holds else "below_anchor"
        return Reason(code, self._margin_kept(found, f"the anchor ({self._anchor})", holds))

    def context(self) -> Iterator[Reason]:
        """What a reader needs to weigh the decision: the list, power, level, looks, baseline, thin slices, fairness."""
        evidence, look = self._evidence, self._look
        if evidence.gone_back_from is not None:
            yield self._gone_back_from(evidence.gone_back_from)
        if evidence.list_change is not None:
            yield Reason("list_change", evidence.list_change.sentence(look.baseline))
        signed = partial(self._signed, evidence.primary.metric)
        yield Reason("power", power_sentence(evidence.primary, evidence.power, shown=signed))
        yield Reason("level", self._level())
        if look.baseline_note:
            yield Reason("baseline", look.baseline_note)
        untested = [one for one in evidence.slices if one.difference is None]
        if untested:
            shown = ", ".join(f"{one.name} (n={one.positives + one.negatives})" for one in untested[:SHOWN_SLICES])
            more = f" and {len(untested) - SHOWN_SLICES} more" if len(untested) > SHOWN_SLICES else ""
            yield Reason("not_enough_data", f"Not enough data in {shown}{more}.")

    def _gone_back_from(self, one: PairedDifference) -> Reason:
        """Whether the candidate is better than the quarantined version from which a hold came."""
        bad = "the quarantined version that was gone back from"
        if not one.defined:
            return Reason("hold_stays", f"{one.metric} cannot be compared with {bad}: the hold stays.")
        if is_better(one.gain, one.standard_error, self._evidence.budget.level):
            return Reason("hold_ends", f"{self._compared(one, bad)}. That is a gain: no hold stops the candidate.")
        return Reason("hold_stays", f"{self._compared(one, bad)}. That is no proven gain: the hold stays.")

    def _compared(self, one: PairedDifference, with_what: str = "") -> str:
        level = self._evidence.budget.level
        low, high = one.interval(level)
        return (
            f"{self._difference(one)} of {with_what or self._reference} (interval {self._signed(one.metric, low)} to "
            f"{self._signed(one.metric, high)}, each side {_percent(1 - level)}; n={one.rows}, {one.clusters} profiles)"
        )

    def _difference(self, one: PairedDifference, where: str = "") -> str:
        per = f" for {CUSTOMERS:,} customers" if self._in_money(one.metric) else ""
        value, reference = self._shown(one.metric, one.candidate), self._shown(one.metric, one.reference)
        return f"{one.metric}{per}{where} is {value}, {self._signed(one.metric, one.value)} against {reference}"

    def _shown(self, metric: str, value: float) -> str:
        economics = self._in_money(metric)
        return economics.amount(money(value, economics)) if economics else f"{value:.4f}"

    def _signed(self, metric: str, value: float) -> str:
        return f"{'+' if value >= 0 else ''}{self._shown(metric, value)}"

    def _in_money(self, metric: str) -> Economics | None:
        return self._economics if metric == PROFIT else None

    def _margin_kept(self, one: PairedDifference, against: str, holds: bool) -> str:
        if not one.defined:
            return f"{one.metric} cannot be compared with {against} on these {one.rows} rows."
        word, lower = "within" if holds else "beyond", one.lower(NON_INFERIORITY_LEVEL)
        bound = f"{self._signed(one.metric, one.value)}, bound at {_percent(1 - NON_INFERIORITY_LEVEL)}, n={one.rows}"
        off = self._shown(one.metric, abs(lower))
        margin = self._shown(one.metric, self._margin) if self._in_money(one.metric) else f"{self._margin:g}"
        allowed = f"{margin} (gate.margin)"
        if lower > 0:
            better = f"{one.metric} is at least {off} better than that of {against} ({bound})"
            return f"{better}; up to {allowed} worse would do."
        return (
            f"{one.metric} may be up to {off} worse than that of {against} ({bound}): {word} the margin of {allowed}."
        )

    def _level(self) -> str:
        budget, look = self._evidence.budget, self._look
        why = "looks of the last 365 days, more than gate.looks_per_year" if budget.counted else "looks a year"
        apart = look.looks_with_other_settings
        others = f"; {apart} more with other settings are counted apart" if apart else ""
        since = f" This holdout has been asked since {look.holdout_since}." if look.holdout_since else ""
        fresh = f", less {look.on_fresh_outcomes:.4f} for challengers," if look.on_fresh_outcomes else ""
        return (
            f"Level of this look: {budget.level:.4f} (gate.false_promotions_per_year{fresh} over {budget.looks} "
            f"{why}). It is look {look.looks_since_champion} since {look.baseline} came{others}.{since}"
        )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.999 else f"{100 * share:.3f} %"
