"""Made-up evaluation rows whose models have a known worth, for the tests of the gate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.rows.categorical import Categorical
from ml.evaluation.scored_rows import ScoredRows
from ml.gate.context import Look

THRESHOLD = 0.5


def population(
    rows: int, skills: Sequence[float], *, seed: int = 0, twins: float = 0.3
) -> tuple[NDArray[np.int8], NDArray[np.uint64], NDArray[np.float32]]:
    """Labels [n], profiles [n] and the probabilities [k, n] of calibrated models; a higher of `skills` knows more.

    A share `twins` of the rows has the profile, and so the scores, of the row before.
    """
    random = np.random.default_rng(seed)
    is_twin = random.random(rows) < twins
    is_twin[0] = False
    profile = np.cumsum(~is_twin) - 1
    hidden = random.normal(size=rows)[profile]
    labels = (hidden + 0.8 * random.normal(size=rows) > 0.5).astype(np.int8)
    shared = random.normal(size=rows)[profile]
    scores = []
    for skill in skills:
        spread = 0.7 / skill
        seen = hidden + spread * (0.95 * shared + 0.3122 * random.normal(size=rows)[profile])
        expected, left = seen / (1 + spread**2), spread**2 / (1 + spread**2)
        scores.append(1 / (1 + np.exp(-1.7 * (expected - 0.5) / np.sqrt(0.64 + left))))
    return labels, profile.astype(np.uint64), np.array(scores, dtype=np.float32)


def scored(
    labels: NDArray[np.int8],
    profiles: NDArray[np.uint64],
    candidate: NDArray[np.float32],
    references: NDArray[np.float32],
    anchor: NDArray[np.float32] | None = None,
    **groups: NDArray[np.object_],
) -> ScoredRows:
    columns = {name: Categorical.of(column) for name, column in groups.items()}
    return ScoredRows(np.arange(len(labels), dtype=np.uint64), profiles, labels, candidate, references, anchor, columns)


def a_look(
    looks_last_year: int = 3,
    looks_with_other_settings: int = 0,
    champion_days: float | None = 7.0,
    days_since_refresh: float | None = None,
    changed_share: float = 0.0,
    baseline_note: str = "",
) -> Look:
    return Look(
        looks_last_year=looks_last_year,
        looks_since_champion=2,
        looks_with_other_settings=looks_with_other_settings,
        holdout_since="2026-11-01T06:00:00+00:00",
        champion_days=champion_days,
        days_since_refresh=days_since_refresh,
        changed_share=changed_share,
        baseline="version 3",
        baseline_note=baseline_note,
        anchor="version 1",
    )
