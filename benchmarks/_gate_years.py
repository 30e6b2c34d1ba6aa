"""Years of weekly looks, simulated with the gate's own rules, for `benchmarks/gate.py`.

A model is what it is worth plus its luck on the evaluation rows; the luck of different models is independent, with the
covariance that the real models show. Slices and fairness are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.config.gate_settings import GateSettings
from ml.gate.rules import is_better, is_not_worse, is_worse

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
WEEKS_BETWEEN_REFRESHES = 4


@dataclass(frozen=True)
class Luck:
    """What the evaluation rows add to a model's worth, in gains of the four metrics; the primary one comes first.

    Attributes:
        covariance: Of the models' metrics, [4, 4].
        standard_error: What the gate computes for a pair of models, [4].
        direction: How the metrics move with a true gain of 1 in the primary one, [4].
        shrinks: Whether the standard error falls with the number of references, as that of their mean does.
        handicap: What an equal candidate is short of against the mean score of so many, [references, 4].
    """

    covariance: Floats
    standard_error: Floats
    direction: Floats
    shrinks: bool = False
    handicap: Floats | None = None

    def models(self, random: np.random.Generator, chains: int, worth: float) -> Floats:
        """Return a model for each chain, [chains, 4]."""
        return worth * self.direction + random.multivariate_normal(np.zeros(4), self.covariance, size=chains)

    def error(self, references: Floats) -> Floats:
        """Return the standard error against the mean of so many models, [chains, 4]."""
        factor = np.sqrt((1 + 1 / references) / 2) if self.shrinks else np.ones(len(references))
        return np.asarray(self.standard_error * factor[:, None])


@dataclass
class Weeks:
    """What happened, [weeks, chains] each; `worth` is the true worth of the version that serves."""

    better: Flags
    due: Flags
    refreshed: Flags
    worth: Floats
    found: Flags
    """Whether a candidate with the gain of the probe would have been called better that week, [chains]."""


def simulate(
    luck: Luck,
    settings: GateSettings,
    *,
    chains: int,
    weeks: int,
    anchored: bool = True,
    worth: Callable[[int], float] = lambda _: 0.0,
    probe: tuple[int, float] = (40, 0.004),
    seed: int = 0,
) -> Weeks:
    """Run the gate week after week, each time with one candidate, from a first champion of worth 0.

    A refresh is due every four weeks, and waits for the next four when it does not pass.
    """
    random = np.random.default_rng(seed)
    level = settings.false_promotions_per_year / settings.looks_per_year
    models, worths = np.zeros((chains, settings.references, 4)), np.zeros(chains)
    models[:, 0] = luck.models(random, chains, 0.0)
    anchor, count = models[:, 0].copy(), np.ones(chains)
    better, due_then, passed = (np.zeros((weeks, chains), dtype=bool) for _ in range(3))
    happened = Weeks(better, due_then, passed, np.zeros((weeks, chains)), np.zeros(chains, dtype=bool))

    def judged(candidate: Floats) -> tuple[Flags, Flags, Flags]:
        used = np.arange(models.shape[1]) < count[:, None]
        gain = candidate - (models * used[:, :, None]).sum(axis=1) / count[:, None]
        if luck.handicap is not None:
            gain -= luck.handicap[count.astype(int) - 1]
        error = luck.error(count)
        beside_anchor = is_not_worse(candidate[:, 0] - anchor[:, 0], luck.standard_error[0], settings.margin)
        may_replace = beside_anchor if anchored else np.ones(chains, bool)
        worse = is_worse(gain, error, level).any(axis=1)
        better = ~worse & is_better(gain[:, 0], error[:, 0], level) & may_replace
        return worse, better, ~worse & ~better & is_not_worse(gain[:, 0], error[:, 0], settings.margin) & may_replace

    for week in range(weeks):
        if week == probe[0]:
            happened.found = judged(luck.models(random, chains, worth(week) + probe[1]))[1]
        candidate = luck.models(random, chains, worth(week))
        worse, is_gain, not_worse = judged(candidate)
        due = np.full(chains, week % WEEKS_BETWEEN_REFRESHES == WEEKS_BETWEEN_REFRESHES - 1)
        refreshed = not_worse & due
        joins = ~(worse | is_gain)
        into_second = np.where(refreshed[:, None], models[:, 0], candidate)
        models[joins, 2:] = models[joins, 1:-1]
        models[joins, 1:2] = into_second[joins, None]
        models[is_gain | refreshed, 0] = candidate[is_gain | refreshed]
        count = np.where(is_gain, 1, np.minimum(settings.references, count + joins))
        anchor[is_gain] = candidate[is_gain]
        worths[is_gain | refreshed] = worth(week)
        happened.better[week], happened.due[week], happened.refreshed[week] = is_gain, due, refreshed
        happened.worth[week] = worths
    return happened


def simulate_points(luck: Luck, passes: Callable[[Floats], Flags], *, chains: int, weeks: int, seed: int = 0) -> Flags:
    """Return what a gate promotes that looks at the gains of the points alone, [weeks, chains]."""
    random = np.random.default_rng(seed)
    champion, promoted = luck.models(random, chains, 0.0), np.zeros((weeks, chains), bool)
    for week in range(weeks):
        candidate = luck.models(random, chains, 0.0)
        promoted[week] = passes(candidate - champion)
        champion[promoted[week]] = candidate[promoted[week]]
    return promoted
