"""Which week's candidate serves in each week, under each policy; all of them see the same candidates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.config.economics import Economics
from ml.config.gate_settings import GateSettings
from ml.evaluation.scored_rows import ScoredRows
from ml.evaluation.slices import SlicingColumns
from ml.gate.context import Look
from ml.gate.decision import BETTER, KEPT, REFRESH, decide
from ml.gate.paired.contributions import placement_values

NEVER, ALWAYS, POINT_GATE, THIS_GATE = "never", "always", "point gate", "this gate"
DAYS_OF_A_WEEK = 7
LOOKS_OF_THE_YEAR_BEFORE = 52
"""The weekly looks of the 365 days before one."""


@dataclass(frozen=True)
class History:
    """The evaluation rows, when they came, and what each week's candidate says of them.

    Attributes:
        came: int64 [n], the week in which each row came, from 1.
        labels: int8 [n], 0 or 1.
        profiles: uint64 [n]; equal ones are a cluster.
        groups: The slicing columns by name, [n] each.
        scores: float32 [weeks, n], probabilities.
        rows: int64 [weeks], all rows that were there in each week, those of training among them.
    """

    came: NDArray[np.int64]
    labels: NDArray[np.int8]
    profiles: NDArray[np.uint64]
    groups: SlicingColumns
    scores: NDArray[np.float32]
    rows: NDArray[np.int64]

    @property
    def weeks(self) -> int:
        """How many weeks there are; each has one candidate."""
        return len(self.scores)

    def seen(self, week: int) -> NDArray[np.bool_]:
        """Return the mask of the evaluation rows that were there in a week."""
        return self.came <= week


@dataclass(frozen=True)
class Served:
    """What a policy did: for each week the week whose candidate serves, and for each but the first what was decided.

    The first candidate serves in week 1 under every policy, and is no promotion.
    """

    policy: str
    serving: tuple[int, ...]
    outcomes: tuple[str, ...] = ()

    @property
    def promotions(self) -> tuple[int, ...]:
        """The weeks in which another candidate came to serve."""
        return tuple(week for week, serves in enumerate(self.serving, 1) if week > 1 and serves == week)


def never(weeks: int) -> Served:
    """The first candidate serves for ever."""
    return Served(NEVER, (1,) * weeks)


def always(weeks: int) -> Served:
    """Each week's candidate serves."""
    return Served(ALWAYS, tuple(range(1, weeks + 1)))


def point_gate(history: History) -> Served:
    """A candidate is promoted when its AUC is not below the champion's on the evaluation rows of the week."""
    serving = [1]
    for week in range(2, history.weeks + 1):
        here = history.seen(week)
        positive = history.labels[here] > 0
        candidate, champion = (
            placement_values(positive, history.scores[which - 1, here])[positive].mean()
            for which in (week, serving[-1])
        )
        serving.append(week if candidate >= champion else serving[-1])
    return Served(POINT_GATE, tuple(serving))


def this_gate(
    history: History, *, settings: GateSettings, threshold: float, economics: Economics | None = None
) -> Served:
    """`ml.gate.decision.decide` promotes, one look a week, with references and anchor as a ledger would hold them.

    References are the champion, what was kept since it came, and what its refreshes replaced; the anchor is what was
    last promoted as better, or the first. No server, hold or person has a say.
    """
    champion, anchor = 1, 1
    refreshed: int | None = None
    equals: list[int] = []
    serving, outcomes = [1], []
    for week in range(2, history.weeks + 1):
        look = _look(history, week, champion, refreshed, anchor)
        outcome = decide(
            _scored(history, week, [champion, *equals], anchor),
            look,
            settings=settings,
            threshold=threshold,
            economics=economics,
        ).outcome
        if outcome == BETTER:
            champion, anchor, equals = week, week, []
        elif outcome == REFRESH:
            champion, refreshed, equals = week, week, [champion, *equals]
        elif outcome == KEPT:
            equals = [week, *equals]
        equals = equals[: settings.references - 1]
        serving.append(champion)
        outcomes.append(outcome)
    return Served(THIS_GATE, tuple(serving), tuple(outcomes))


def _scored(history: History, week: int, references: list[int], anchor: int) -> ScoredRows:
    here = history.seen(week)
    profiles = history.profiles[here]
    return ScoredRows(
        rows=profiles,
        profiles=profiles,
        labels=history.labels[here],
        candidate=history.scores[week - 1, here],
        references=np.stack([history.scores[one - 1, here] for one in references]),
        anchor=history.scores[anchor - 1, here],
        groups={name: column[here] for name, column in history.groups.items()},
    )


def _look(history: History, week: int, champion: int, refreshed: int | None, anchor: int) -> Look:
    """Return what a ledger would say in a week; there was one look in each week but the first."""
    earlier = week - 2
    return Look(
        looks_last_year=min(earlier, LOOKS_OF_THE_YEAR_BEFORE) + 1,
        looks_since_champion=week - champion,
        looks_with_other_settings=0,
        holdout_since="",
        champion_days=float(DAYS_OF_A_WEEK * (week - champion)),
        days_since_refresh=None if refreshed is None else float(DAYS_OF_A_WEEK * (week - refreshed)),
        changed_share=float(1 - history.rows[champion - 1] / history.rows[week - 1]),
        baseline=f"the candidate of week {champion}",
        baseline_note="",
        anchor=f"the candidate of week {anchor}",
    )
