"""What each policy lets serve, on made-up rows whose models have a known worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.config.gate_settings import GateSettings
from ml.config.settings import resolve
from ml.evaluation.scored_rows import ScoredRows
from ml.gate.context import Look
from ml.gate.decision import Decision, decide
from ml.trial.backtest import policies
from ml.trial.backtest.policies import History, always, never, point_gate, this_gate
from tests.ml.gate.populations import THRESHOLD, population


def gate(*overrides: str) -> GateSettings:
    return resolve(overrides=overrides, environment={}).gate


NO_REFRESH = gate("gate.refresh_days=3650", "gate.refresh_changed_share=1.0")


def history(skills: Sequence[float], *, rows: int = 1500, seed: int = 0) -> History:
    """Weeks whose candidates know so much; all rows are there from week 1 on."""
    labels, profiles, scores = population(rows, skills, seed=seed)
    return of_scores(labels, profiles, scores)


def of_scores(labels: NDArray[np.int8], profiles: NDArray[np.uint64], scores: NDArray[np.float32]) -> History:
    weeks = len(scores)
    return History(np.ones(len(labels), np.int64), labels, profiles, {}, scores, np.full(weeks, 5 * len(labels)))


def nearly_the_same(weeks: int) -> History:
    """Candidates whose scores differ by a hair, so that none is better and each is proven not to be worse."""
    labels, profiles, (score,) = population(1500, [1.0])
    noise = np.random.default_rng(1).normal(0, 0.002, (weeks, len(labels)))
    _, place = np.unique(profiles, return_inverse=True)
    return of_scores(labels, profiles, np.clip(score + noise[:, place], 0, 1).astype(np.float32))


def test_a_worse_candidate_serves_under_always_alone() -> None:
    worse = history([2.0, 0.7, 0.7, 0.7])
    assert always(4).serving == (1, 2, 3, 4)
    assert always(4).promotions == (2, 3, 4)
    assert never(4).serving == point_gate(worse).serving == (1, 1, 1, 1)
    ours = this_gate(worse, settings=gate(), threshold=THRESHOLD)
    assert (ours.serving, ours.outcomes, ours.promotions) == ((1, 1, 1, 1), ("worse",) * 3, ())


def test_a_better_candidate_serves_under_all_but_never() -> None:
    better = history([0.7, 2.0, 0.7])
    assert point_gate(better).serving == (1, 2, 2)
    ours = this_gate(better, settings=gate(), threshold=THRESHOLD)
    assert (ours.serving, ours.outcomes, ours.promotions) == ((1, 2, 2), ("better", "worse"), (2,))
    assert never(3).promotions == ()


def test_among_equal_candidates_points_wander_and_this_gate_stays() -> None:
    by_points, by_evidence = 0, 0
    for seed in range(5):
        equal = history([1.0] * 8, seed=seed)
        by_points += len(point_gate(equal).promotions)
        by_evidence += len(this_gate(equal, settings=NO_REFRESH, threshold=THRESHOLD).promotions)
    assert by_points >= 5
    assert by_evidence == 0


def test_an_auc_that_is_equal_passes_the_point_gate() -> None:
    same = history([1.0])
    twice = of_scores(same.labels, same.profiles, same.scores[[0, 0]])
    assert point_gate(twice).serving == (1, 2)


def test_a_champion_of_28_days_is_refreshed_and_the_next_refresh_waits_as_long() -> None:
    ours = this_gate(nearly_the_same(11), settings=gate(), threshold=THRESHOLD)
    assert ours.serving == (1, 1, 1, 1, 5, 5, 5, 5, 9, 9, 9)
    assert [ours.outcomes[week - 2] for week in ours.promotions] == ["refresh", "refresh"]


def test_rows_that_have_come_since_make_a_refresh_due() -> None:
    same = nearly_the_same(6)
    grows = History(
        same.came, same.labels, same.profiles, {}, same.scores, np.array([1000, 1030, 1060, 1061, 1062, 1063])
    )
    assert this_gate(grows, settings=gate(), threshold=THRESHOLD).serving == (1, 1, 3, 3, 3, 3)


def test_only_the_rows_of_the_week_decide() -> None:
    """The candidate of week 2 is right about the rows that are there, and wrong about those of week 3."""
    labels = np.tile(np.array([0, 1], np.int8), 300)
    came = np.repeat([1, 3], 300)
    random = np.random.default_rng(0)
    champion = 0.2 * labels + 0.8 * random.random(600)
    right = np.where(labels > 0, 0.6, 0.3) + random.random(600) / 10
    candidate = np.where(came == 1, right, 1 - right)
    scores = np.stack([champion, candidate, champion]).astype(np.float32)
    seen = History(came, labels, np.arange(600, dtype=np.uint64), {}, scores, np.array([600, 600, 1200]))
    assert point_gate(seen).serving == (1, 2, 3)
    assert this_gate(seen, settings=NO_REFRESH, threshold=THRESHOLD).serving == (1, 2, 3)


def test_references_and_anchor_are_those_that_a_ledger_would_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was kept and what a refresh replaced stays a reference until a better one comes, which is a new anchor."""
    same = nearly_the_same(6)
    better = np.clip(0.6 * same.scores[0] + 0.4 * same.labels, 0, 1).astype(np.float32)
    scores = np.concatenate([same.scores, [better], same.scores[[1]]])
    seen: list[tuple[list[int], int, Look]] = []

    def looked(scored: ScoredRows, look: Look, **rest: Any) -> Decision:
        def week(of: NDArray[np.float32]) -> int:
            return next(number for number, one in enumerate(scores, 1) if np.array_equal(one, of))

        assert scored.anchor is not None
        seen.append(([week(one) for one in scored.references], week(scored.anchor), look))
        return decide(scored, look, **rest)

    monkeypatch.setattr(policies, "decide", looked)
    ours = this_gate(of_scores(same.labels, same.profiles, scores), settings=gate(), threshold=THRESHOLD)
    assert ours.outcomes == ("kept", "kept", "kept", "refresh", "kept", "better", "worse")
    assert [(references, anchor) for references, anchor, _ in seen] == [
        ([1], 1),
        ([1, 2], 1),
        ([1, 3, 2], 1),
        ([1, 4, 3, 2], 1),
        ([5, 1, 4, 3, 2], 1),
        ([5, 6, 1, 4, 3, 2], 1),
        ([7], 7),
    ]
    looks = [look for _, _, look in seen]
    assert [look.looks_last_year for look in looks] == [1, 2, 3, 4, 5, 6, 7]
    assert [look.looks_since_champion for look in looks] == [1, 2, 3, 4, 1, 2, 1]
    assert [look.champion_days for look in looks] == [7, 14, 21, 28, 7, 14, 7]
    assert [look.days_since_refresh for look in looks] == [None, None, None, None, 7, 14, 21]


def test_no_more_references_are_held_than_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []

    def counted(scored: ScoredRows, look: Look, **rest: Any) -> Decision:
        held.append(len(scored.references))
        return decide(scored, look, **rest)

    monkeypatch.setattr(policies, "decide", counted)
    this_gate(nearly_the_same(12), settings=gate("gate.references=3"), threshold=THRESHOLD)
    assert held == [1, 2, *[3] * 9]
