"""Bets on outcomes of real lists, looked at after each: rarely won by chance, won by a challenger that is better."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ml.challenge.closed_lists import closed_lists
from ml.challenge.fresh_rows import FreshRows, strata
from ml.challenge.process import Bet, ClosedList, Process
from ml.config.settings import resolve
from ml.gate.budget import FRESH_SHARE, alpha_of, budget_of
from ml.gate.context import Look
from ml.performance.asked import Floats
from ml.performance.betting import FEWEST
from ml.registry.references.challengers import begun_last_year, challengers, spent_on_challengers
from serving.score.exploration import draw_list

ALPHA = 0.05
FILE = 400
NEW = Process("run", "model", 1, ALPHA)


@dataclass(frozen=True)
class World:
    """Lists drawn as the gateway draws them, and who of those asked has an outcome when they are closed.

    Attributes:
        places: Of how many of a file's customers a list is.
        explore: The share of its places by lot.
        less: By how much less the challenger errs.
        error: By how much the champion errs, where it is not `too_sure`.
        too_sure: By how much the champion is too sure of its best fifth, and right elsewhere; the challenger is right
            there, and errs below so much that nothing is gained in the mean of all.
        told: The share of those above the cut who have an outcome.
        told_by_lot: The same of those by lot.
    """

    places: int = 100
    explore: float = 0.5
    less: float = 0.0
    error: float = 0.1
    too_sure: float = 0.0
    told: float = 1.0
    told_by_lot: float = 1.0

    def a_list(self, random: np.random.Generator, day: int) -> list[ClosedList]:
        truth, champion, challenger = self._customers(random)
        order = np.argsort(-champion)
        seed = [str(random.integers(1 << 60))]
        drawn = draw_list(order, self.places, explore=self.explore, control=0.1, seed=seed)
        propensity = np.empty(FILE)
        propensity[order] = drawn.asked
        told = np.zeros(FILE, np.bool_)
        asked, explored = drawn.rows[~drawn.control], drawn.explored[~drawn.control]
        told[asked] = random.random(len(asked)) < np.where(explored, self.told_by_lot, self.told)
        outcome = np.where(told, random.random(FILE) < truth, np.nan)
        closes = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
        rows = FreshRows(
            request=(f"{day}",) * FILE,
            customer=tuple(f"{day}-{row}" for row in range(FILE)),
            scored=(closes,) * FILE,
            closes=(closes,) * FILE,
            features={},
            hashes=np.zeros((2, FILE), np.uint64),
            propensity=propensity,
            stratum=strata(propensity, np.tile([propensity.min(), propensity.max()], (FILE, 1))),
            outcome=outcome,
            left={},
        )
        return list(closed_lists(rows, np.ones(FILE, np.bool_), champion, challenger, now=closes))

    def _customers(self, random: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        if not self.too_sure:
            truth = random.beta(1.2, 2.5, FILE)
            champion = np.clip(truth + random.normal(0, self.error, FILE), 0, 1)
            return truth, champion, np.clip(truth + random.normal(0, self.error - self.less, FILE), 0, 1)
        truth = np.clip(random.beta(2, 2, FILE), 0.12, 0.85)
        is_best = truth >= np.quantile(truth, 0.8)
        wrong = self.too_sure * np.sqrt(is_best.sum() / (~is_best).sum())
        below = truth + wrong * random.choice([-1, 1], FILE)
        return truth, np.where(is_best, truth + self.too_sure, truth), np.where(is_best, truth, below)


def year(random: np.random.Generator, process: Process, world: World, *, lists: int) -> Process:
    """The process after these lists; it looks after each."""
    return process.extended([one for day in range(lists) for one in world.a_list(random, day)])


NULLS = {
    "all are asked": (World(FILE, 0.0, error=0.25), 12, 60),
    "many by lot": (World(100, 0.3, error=0.25), 12, 200),
    "few by lot": (World(100, 0.02, error=0.25), 12, 200),
    "the champion is too sure of its best": (World(200, 0.5, too_sure=0.15), 60, 60),
    "of whom more is told": (World(200, 0.5, too_sure=0.15, told=0.9, told_by_lot=0.3), 60, 60),
    "of whom less is told": (World(200, 0.5, too_sure=0.15, told=0.3, told_by_lot=0.9), 60, 60),
}


@pytest.mark.parametrize("null", NULLS)
def test_an_equal_challenger_wins_in_no_more_than_alpha_of_the_years_though_somebody_looks_after_every_list(
    null: str,
) -> None:
    """Models that err much: whom the champion puts on top are those of whom it is too sure."""
    world, lists, runs = NULLS[null]
    random = np.random.default_rng(20261129)
    won = sum(year(random, NEW, world, lists=lists).won_at is not None for _ in range(runs))
    assert won <= ALPHA * runs


def test_the_order_in_which_customers_are_told_decides_nothing() -> None:
    """Somebody sees to it that the best news comes first: one by one it would win, and list by list it does not."""
    random = np.random.default_rng(1)
    lists = [one for day in range(20) for one in World(200, too_sure=0.15).a_list(random, day)]
    best_first = [replace(one, bets=tuple(sorted(one.bets, key=lambda bet: -bet.weighed))) for one in lists]
    process = NEW.extended(best_first)
    assert process.won_at is None
    assert process.wealth == pytest.approx(NEW.extended(lists).wealth)
    bets = sorted((bet for one in lists for bet in one.bets), key=lambda bet: -bet.weighed)
    one_by_one = [ClosedList("2026", f"{place:05}", (bet,)) for place, bet in enumerate(bets)]
    assert NEW.extended(one_by_one).won_at is not None


def test_a_list_without_an_outcome_above_or_below_its_cut_does_not_count() -> None:
    random = np.random.default_rng(2)
    assert World(told_by_lot=0.0).a_list(random, 0) == []
    assert World(told=0.0).a_list(random, 0) == []
    assert World(explore=0.0, places=FILE).a_list(random, 0) != []


def test_a_worse_one_never_does() -> None:
    random = np.random.default_rng(5)
    assert all(year(random, NEW, World(FILE, 0.0, less=-0.05), lists=10).won_at is None for _ in range(20))


@pytest.mark.parametrize(("places", "explore", "most"), [(FILE, 0.0, 5_000), (200, 0.5, 6_000)])
def test_a_better_one_wins_within_some_thousand_outcomes_at_the_level_of_the_defaults(
    places: int, explore: float, most: int
) -> None:
    """Its Brier score is lower by 0.0075."""
    random = np.random.default_rng(7)
    process = replace(NEW, alpha=alpha_of(resolve(environment={}).gate))
    asked_a_day = places * 0.9
    world = World(places, explore, less=0.06)
    found = [year(random, process, world, lists=int(most / asked_a_day)) for _ in range(20)]
    assert sum(one.won_at is not None for one in found) >= 19


def a_closed_list(day: int, *bets: tuple[str, float]) -> ClosedList:
    return ClosedList(f"2026-01-{day:02}T00:00:00.000000+00:00", f"list {day}", tuple(Bet(*bet) for bet in bets))


def test_nobody_is_bet_on_twice_and_what_was_bet_stays_in_its_order() -> None:
    one, other = a_closed_list(2, ("c1", 0.5)), a_closed_list(3, ("c2", -0.5))
    process = NEW.extended([one])
    assert process.extended([other, one]).lists == (one, other)
    assert process.extended([a_closed_list(3, ("c1", 0.1))]).lists == (one,), "the customer was on an earlier list"
    assert process.extended([a_closed_list(1, ("c3", 0.9))]).lists == (one,), "it turned up after a later one"
    assert process.extended([a_closed_list(2, ("c3", 0.9))]).lists == (one,), "it was bet on"


def test_it_ends_where_it_wins() -> None:
    found = [a_closed_list(day, *((f"{day} {number}", 0.2) for number in range(FEWEST // 4))) for day in range(1, 9)]
    won = NEW.extended(found)
    assert (won.won_at, len(won.lists), won.n) == (4, 4, FEWEST)
    assert won.wealth >= won.threshold == 20
    assert won.extended([a_closed_list(20, ("x", -1.0))]) is won


def test_it_is_read_as_it_was_written() -> None:
    process = NEW.extended([a_closed_list(1, ("c1", 0.1 + 0.2), ("c2", -1 / 3)), a_closed_list(2, ("c3", 0.0))])
    written = process.as_dict()
    assert Process.of(written) == process
    with pytest.raises(ValueError, match="a bet"):
        Process.of(written | {"lists": [["2026", "r", [["c", 2.0]]]]})
    with pytest.raises(ValueError, match="the order of their time"):
        Process.of(written | {"lists": written["lists"][::-1]})


def test_challengers_and_looks_share_the_budget_of_a_year() -> None:
    """52 challengers and the 52 looks that follow: what they spend adds up to the setting."""
    gate = resolve(environment={}).gate
    alpha = alpha_of(gate)
    look = Look(52, 1, 0, "", 1.0, None, 0.0, "", "", "")
    assert budget_of(gate, look).level == 1 / 52
    for begun in (1, 13, 52):
        spent = begun * alpha
        level = budget_of(gate, replace(look, on_fresh_outcomes=spent)).level
        assert 52 * level + spent == pytest.approx(gate.false_promotions_per_year)
    assert 52 * alpha == pytest.approx(FRESH_SHARE * gate.false_promotions_per_year)
    assert budget_of(gate, replace(look, on_fresh_outcomes=9.0)).level == 0.5 / 52, "of a larger budget before"


def test_the_ledger_knows_who_challenges_whom_and_what_it_costs() -> None:
    kept = {"event": "kept", "at": "2026-01-01T00:00:00+00:00", "run_id": "a", "model_sha256": "ma", "champion": 3}
    begun = {"event": "challenged", "at": "2026-02-01T00:00:00+00:00", "run_id": "challenge", "of_run": "a"}
    events = [
        kept,
        kept | {"run_id": "b", "model_sha256": "mb", "baseline": 2},
        kept | {"run_id": "c", "model_sha256": "mc"},
        kept | {"run_id": "d", "model_sha256": "md", "champion": 2},
        {"event": "quarantined", "at": kept["at"], "run_id": "q", "model_sha256": "mc", "reason": "bad"},
        begun | {"model_sha256": "ma", "champion": 3, "alpha": 0.01},
        begun | {"model_sha256": "md", "champion": 2, "alpha": 0.01, "at": "2025-01-01T00:00:00+00:00"},
    ]
    assert [(one.run_id, one.alpha) for one in challengers(events, 3)] == [("a", 0.01)]
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert (begun_last_year(events, now=now), spent_on_challengers(events, now=now)) == (1, 0.01)
    assert spent_on_challengers(events, now=datetime(2027, 3, 1, tzinfo=UTC)) == 0
