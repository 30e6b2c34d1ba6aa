"""A slow slide: weights so little worse each time that no look can tell, and a ledger in which weeks have gone by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.artifacts import Evaluation, Examples
from ml.config.settings import Settings
from ml.errors import FinalError
from ml.evaluation.scored_rows import ScoredRows
from ml.gate.context import Look
from ml.gate.evidence import Evidence, gather
from ml.gate.rules import LEAST_OF_A_CLASS, NON_INFERIORITY_LEVEL, is_not_worse, is_worse
from ml.registry.ledger.file import head_file
from ml.registry.ledger.ledger import Ledger
from ml.rehearsal.forged import Scorer, noised
from ml.rehearsal.preparation import VERSION_1, weights_of_version_1
from ml.rehearsal.site import Site

Scores = NDArray[np.float32]
DIRECTIONS, SCALES = 30, np.arange(0.05, 1.5, 0.05)
CUSHION = 0.0004
"""How far from the margin the planned bounds stay: an export and another machine may move the last digits."""


@dataclass(frozen=True)
class Slide:
    """The direction of the noise, and its scales: the last is the one that the anchor has to stop."""

    direction: int
    scales: tuple[float, ...]


def planned_slide(site: Site, *overrides: str) -> Slide:
    """Return two refreshes that the gate must let pass, and a third candidate too far below the anchor.

    The gate's own numbers plan it: each candidate is within the margin of what it replaces, and no metric nor slice
    of it is worse beyond doubt.

    Raises:
        FinalError: There is none among the weights that were tried.
    """
    run, settings = site.run(VERSION_1), site.settings(*overrides)
    scored = ScoredRows.read(run.artifact("evaluate", Evaluation).scored_rows)
    scorer, weights = Scorer(run.artifact("transform", Examples)), weights_of_version_1(site)
    gate = _Gate(scored, scorer(weights), settings)
    for direction in range(DIRECTIONS):
        scores = {float(s): scorer(noised(weights, direction=direction, scale=float(s))) for s in SCALES}
        if found := _scales(scores, gate):
            return Slide(direction, found)
    raise FinalError("No slow slide was found for these data.", "Name other data with --data.")


def _scales(scores: Mapping[float, Scores], gate: _Gate) -> tuple[float, ...]:
    """Return the scales of a slide among these scores; none when the gate would see one of its steps."""
    within = [scale for scale, one in scores.items() if gate.room_above_the_anchor(one) > CUSHION]
    if len(within) < 2:
        return ()
    second = max(within)
    first = min(scores, key=lambda scale: abs(scale - second / 2))
    for third in (scale for scale in scores if scale > second):
        chosen = (first, second, third)
        steps = [scores[scale] for scale in chosen]
        passes = all(gate.cannot_tell(one, steps[:place]) for place, one in enumerate(steps))
        if passes and gate.room_above_the_anchor(steps[-1]) < -CUSHION:
            return chosen
    return ()


@dataclass(frozen=True)
class _Gate:
    """What the gate sees of candidates of an evaluation whose anchor is version 1."""

    scored: ScoredRows
    anchor: Scores
    settings: Settings

    def room_above_the_anchor(self, candidate: Scores) -> float:
        """Return how far the lower bound against the anchor is inside the margin; below 0 the anchor stops it."""
        found = self._evidence(candidate, []).anchor
        return -1.0 if found is None else found.lower(NON_INFERIORITY_LEVEL) + self.settings.gate.margin

    def cannot_tell(self, candidate: Scores, replaced: Sequence[Scores]) -> bool:
        """Whether a candidate is within the margin of the versions, and nothing of it is worse beyond doubt."""
        evidence = self._evidence(candidate, replaced)
        primary, level = evidence.primary, evidence.budget.level
        if not is_not_worse(primary.gain - CUSHION, primary.standard_error, self.settings.gate.margin):
            return False
        compared = (primary, *evidence.guards)
        if not all(one.defined and not is_worse(one.gain, one.standard_error, level) for one in compared):
            return False
        return not any(one.is_worse for one in evidence.slices)

    def _evidence(self, candidate: Scores, replaced: Sequence[Scores]) -> Evidence:
        of = self.scored
        references = np.array([*replaced, self.anchor])
        rows = ScoredRows(of.rows, of.profiles, of.labels, candidate, references, self.anchor, of.groups)
        look = Look(1, 1, 0, "", 0.0, None, 1.0, "version 1", "", "version 1")
        threshold, least = self.settings.target.threshold, LEAST_OF_A_CLASS
        return gather(rows, look, settings=self.settings.gate, threshold=threshold, least_of_a_class=least)


def aged(ledger: Ledger, *, days: int) -> None:
    """Write the ledger again, by its own writer, as if all of it had happened so many days earlier."""
    events = ledger.events()
    ledger.path.unlink()
    head_file(ledger.path).unlink(missing_ok=True)
    for event in events:
        at = datetime.fromisoformat(event["at"]) - timedelta(days=days)
        facts: dict[str, Any] = {key: value for key, value in event.items() if key not in ("event", "at", "run_id")}
        Ledger(ledger.path, clock=partial(_at, at)).append(event["event"], run_id=event["run_id"], **facts)


def _at(time: datetime) -> datetime:
    return time
