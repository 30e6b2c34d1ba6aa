"""What a backtest found: a row for each policy, and what the gate gains or loses against the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ml.config.economics import Economics
from ml.gate.paired.contributions import AUC, LOG_LOSS, PROFIT
from ml.gate.paired.profit import CUSTOMERS, money
from ml.storage.strict_json import without_nan
from ml.trial.backtest.measures import TOP_SHARE, Estimate, Future
from ml.trial.backtest.policies import ALWAYS, NEVER, POINT_GATE, THIS_GATE, Served
from ml.trial.backtest.weeks import FIRST_SHARE, FUTURE_SHARE


@dataclass(frozen=True)
class Measured:
    """What one policy did, and what served under it on the rows of the future.

    Attributes:
        served: Which candidate served in each week.
        auc: The mean over the weeks.
        log_loss: The same, in nats.
        auc_gain: The mean AUC less that under *never*.
        log_loss_change: The same for the log loss: below 0 is better.
        auc_by_week: Of what served.
        changes: How many names of the list were new in each week but the first.
        profit: The mean over the weeks for 1,000 customers, in money; None where nobody has said what a contact costs.
        profit_gain: That less the one under *never*.
    """

    served: Served
    auc: Estimate
    log_loss: Estimate
    auc_gain: Estimate
    log_loss_change: Estimate
    auc_by_week: Sequence[float]
    changes: Sequence[int]
    profit: Estimate | None = None
    profit_gain: Estimate | None = None

    @property
    def worst_week(self) -> int:
        """The first week in which the AUC was lowest."""
        return min(range(len(self.auc_by_week)), key=lambda week: self.auc_by_week[week]) + 1

    @property
    def change_of_a_promotion(self) -> float:
        """How many names a promotion changed on average; 0 without one."""
        return sum(self.changes) / len(self.served.promotions) if self.served.promotions else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        return {
            "promotions": len(self.served.promotions),
            "promoted_in_weeks": list(self.served.promotions),
            "serving": list(self.served.serving),
            "outcomes": list(self.served.outcomes),
            "auc": asdict(self.auc),
            "log_loss": asdict(self.log_loss),
            "auc_against_never": asdict(self.auc_gain),
            "log_loss_against_never": asdict(self.log_loss_change),
            **(
                {"profit": asdict(self.profit), "profit_against_never": asdict(self.profit_gain)}
                if self.profit and self.profit_gain
                else {}
            ),
            "auc_by_week": list(self.auc_by_week),
            "worst_week": {"week": self.worst_week, "auc": self.auc_by_week[self.worst_week - 1]},
            "names_changed": {
                "total": sum(self.changes),
                "a_promotion": self.change_of_a_promotion,
                "by_week": list(self.changes),
            },
        }


def measured(served: Served, future: Future, economics: Economics | None = None) -> Measured:
    """Measure what served under a policy; with `economics`, what it would have earned, too."""
    serving, first = served.serving, (1,) * len(served.serving)
    return Measured(
        served,
        auc=future.mean(AUC, serving),
        log_loss=future.mean(LOG_LOSS, serving),
        auc_gain=future.difference(AUC, serving, first),
        log_loss_change=future.difference(LOG_LOSS, serving, first),
        auc_by_week=future.by_week(AUC, serving),
        changes=future.changes(serving),
        profit=_in_money(future.mean(PROFIT, serving), economics) if economics else None,
        profit_gain=_in_money(future.difference(PROFIT, serving, first), economics) if economics else None,
    )


def _in_money(of: Estimate, economics: Economics) -> Estimate:
    return Estimate(*(money(value, economics) for value in (of.value, of.low, of.high)))


@dataclass(frozen=True)
class BacktestResult:
    """The data, the history and each policy.

    Attributes:
        data: What a person calls them.
        customers: Of the training side.
        weeks: Of the history.
        seed: Of the first candidate, and of who comes when.
        training_rows: Of the first and the last week.
        evaluation_rows: Of the first and the last week.
        future: Rows, profiles, targets and the length of the list.
        policies: *never*, *always*, *point gate*, *this gate*.
        gate_against: The mean AUC under *this gate* less that under *always* and under *point gate*.
        economics: What a contact costs and is worth; None where nobody has said.
    """

    data: str
    customers: int
    weeks: int
    seed: int
    training_rows: tuple[int, int]
    evaluation_rows: tuple[int, int]
    future: Mapping[str, int]
    policies: Sequence[Measured]
    gate_against: Mapping[str, Estimate]
    economics: Economics | None = None

    def policy(self, name: str) -> Measured:
        """Return what was measured of a policy."""
        (found,) = (one for one in self.policies if one.served.policy == name)
        return found

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain JSON values, None for what is not defined."""
        return dict(
            without_nan(
                {
                    "data": self.data,
                    "customers": self.customers,
                    "weeks": self.weeks,
                    "seed": self.seed,
                    "first_share": FIRST_SHARE,
                    "training_rows": list(self.training_rows),
                    "evaluation_rows": list(self.evaluation_rows),
                    "future": dict(self.future),
                    "policies": {one.served.policy.replace(" ", "_"): one.as_json() for one in self.policies},
                    "this_gate_against": {
                        name.replace(" ", "_"): asdict(one) for name, one in self.gate_against.items()
                    },
                }
            )
        )

    def as_text(self) -> str:
        """Return how it was measured, the table, and what it says of the gate."""
        training, evaluation = (f"{first:,} to {last:,}" for first, last in (self.training_rows, self.evaluation_rows))
        future, top = self.future, f"{TOP_SHARE * 100:.0f} % ({self.future['top']:,} customers)"
        lines = [
            f"{self.weeks} weeks replayed on {self.customers:,} customers of the training side ({self.data}); those "
            "whom runs evaluate on were not looked at.",
            f"Of the customers {FUTURE_SHARE * 100:.0f} % are the future, which neither a model nor a policy sees: "
            f"{future['rows']:,} ({future['profiles']:,} profiles, {future['targets']:,} targets).",
            f"Of the others {FIRST_SHARE * 100:.0f} % are there in week 1 and all in week {self.weeks}: {training} to "
            f"train on, and {evaluation} to compare",
            "candidate and champion on, which no model is trained on.",
            "",
            f"{'':<11}{'promoted':>9}{'AUC':>8}{'against never':>15}   {'95 % interval':<20}{'log loss':>10}"
            f"{'worst AUC (week)':>18}{'names changed':>15}",
            *map(self._row, self.policies),
            "",
            "AUC and log loss: on the future, means over the weeks. The intervals are over other customers, for these "
            "candidates;",
            f"another history: --set train.seed={self.seed + 1}. Names: of the top {top}, in all / a promotion.",
            "",
            *self._profits(),
            self._verdicts(),
            *(self._against(name) for name in (ALWAYS, POINT_GATE)),
        ]
        return "\n".join(lines)

    def _row(self, one: Measured) -> str:
        gain = one.auc_gain
        against, interval = f"{gain.value:+.4f}", f"{gain.low:+.4f} to {gain.high:+.4f}"
        if one.served.policy == NEVER:
            against, interval = "", ""
        worst = f"{one.auc_by_week[one.worst_week - 1]:.4f} ({one.worst_week})"
        names = f"{sum(one.changes):,} / {one.change_of_a_promotion:.0f}" if one.served.promotions else "0"
        return (
            f"{one.served.policy:<11}{len(one.served.promotions):>9}{one.auc.value:>8.4f}{against:>15}   {interval:<20}"
            f"{one.log_loss.value:>10.4f}{worst:>18}{names:>15}"
        )

    def _profits(self) -> Iterator[str]:
        """Yield what each policy earned, where somebody has said what a contact costs."""
        if (economics := self.economics) is None:
            return
        yield (
            f"Profit for {CUSTOMERS:,} customers, at {economics.amount(economics.cost)} a contact and "
            f"{economics.amount(economics.value)} a target, contacting above {economics.cut:.1%}:"
        )
        for one in self.policies:
            if one.profit is not None and one.profit_gain is not None:
                gain, low, high = (
                    f"{'+' if end >= 0 else ''}{economics.amount(round(end))}"
                    for end in (one.profit_gain.value, one.profit_gain.low, one.profit_gain.high)
                )
                against = "" if one.served.policy == NEVER else f"   {gain} against never (95 %: {low} to {high})"
                yield f"{one.served.policy:<11}{economics.amount(round(one.profit.value)):>16}{against}"
        yield ""

    def _verdicts(self) -> str:
        found = self.policy(THIS_GATE).served
        promoted = ", ".join(f"{found.outcomes[week - 2]} in week {week}" for week in found.promotions)
        others = Counter(one for week, one in enumerate(found.outcomes, 2) if week not in found.promotions)
        rest = ", ".join(f"{count} {outcome}" for outcome, count in sorted(others.items()))
        return f"This gate's verdicts: {'; '.join(part for part in (promoted, rest) if part)}."

    def _against(self, name: str) -> str:
        ours, theirs = (sum(self.policy(which).changes) for which in (THIS_GATE, name))
        gain = self.gate_against[name]
        can_tell = "" if gain.low > 0 or gain.high < 0 else ", cannot tell"
        return (
            f"This gate against {name}: {gain.value:+.4f} AUC (95 %: {gain.low:+.4f} to {gain.high:+.4f}{can_tell}), "
            f"{ours:,} names changed instead of {theirs:,}."
        )
