"""What a trial found: a table, and one sentence that says whether the change is better."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.trial.cross_validation import LOWER_IS_BETTER, METRICS
from ml.trial.interval import Interval, interval

BETTER, WORSE, CANNOT_TELL, NO_DIFFERENCE = "better", "worse", "cannot tell", "no difference"


@dataclass(frozen=True)
class Compared:
    """One metric under both settings, mean over all splits, and the interval of the difference."""

    name: str
    now: float
    tried: float
    difference: Interval

    @property
    def answer(self) -> str:
        """Whether the settings to try are better, by this metric."""
        low, high = self.difference.low, self.difference.high
        if low == high == 0:
            return NO_DIFFERENCE
        if self.name in LOWER_IS_BETTER:
            low, high = -high, -low
        return BETTER if low > 0 else WORSE if high < 0 else CANNOT_TELL


@dataclass(frozen=True)
class TrialResult:
    """The change, the customers, and the metrics; without any when the settings were those of now already."""

    changed: dict[str, tuple[Any, Any]]
    customers: int
    data: str
    folds: int
    repeats: int
    metrics: list[Compared]

    @property
    def answer(self) -> str:
        """Better, worse, cannot tell or no difference, by AUC."""
        return self.metrics[0].answer if self.metrics else NO_DIFFERENCE

    @property
    def sentence(self) -> str:
        """The answer in one sentence."""
        if not self.metrics:
            return f"{NO_DIFFERENCE}: these are the settings of now."
        found = self.metrics[0].difference
        measured = f"{found.mean:+.4f} AUC (95 %: {found.low:+.4f} to {found.high:+.4f})"
        match self.answer:
            case "no difference":
                return f"{NO_DIFFERENCE}: the AUC is the same in each of the {found.splits} splits."
            case "cannot tell":
                repeats = found.repeats_needed()
                more = f"about {repeats} repeats" if repeats else "more customers, since no number of repeats is enough"
                return f"{CANNOT_TELL}: {measured}; would need {more}, or a gain of {found.half_width:.4f}."
            case "better":
                return f"{BETTER} by {measured}."
            case answer:
                return f"{answer}: {measured}."

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        return {
            "answer": self.answer,
            "sentence": self.sentence,
            "changed": {key: {"now": now, "tried": tried} for key, (now, tried) in self.changed.items()},
            "data": self.data,
            "customers": self.customers,
            "folds": self.folds,
            "repeats": self.repeats,
            "metrics": {
                found.name: {"now": found.now, "tried": found.tried, "answer": found.answer, **asdict(found.difference)}
                for found in self.metrics
            },
        }

    def as_text(self) -> str:
        """Return the table and the sentence."""
        changed = ", ".join(f"{key} {now} -> {tried}" for key, (now, tried) in self.changed.items())
        if not self.metrics:
            return f"{changed}\n{self.sentence}"
        seen = (
            f"{self.customers:,} customers of the training side ({self.data}); {self.folds} folds by profile, "
            f"{self.repeats} times; no evaluation row was looked at."
        )
        head = f"{'':<12}{'now':>8}{'tried':>8}{'difference':>12}   95 % interval"
        rows = [
            f"{found.name:<12}{found.now:>8.4f}{found.tried:>8.4f}{found.difference.mean:>+12.4f}   "
            f"{found.difference.low:+.4f} to {found.difference.high:+.4f}   {found.answer}"
            for found in self.metrics
        ]
        return "\n".join([changed, seen, "", head, *rows, "", self.sentence])


def compare(scores: NDArray[np.float64], *, folds: int) -> list[Compared]:
    """Return each of `METRICS` compared, from the scores of `cross_validate`, shape [splits, 2, metrics]."""
    return [
        Compared(name, float(now.mean()), float(tried.mean()), interval(tried - now, folds=folds))
        for name, now, tried in zip(METRICS, scores[:, 0].T, scores[:, 1].T, strict=True)
    ]
