"""Bets on outcomes of real lists, looked at every day: rarely won by chance, won by a challenger that is better."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from ml.challenge.process import Bet, Process
from ml.config.settings import resolve
from ml.gate.budget import FRESH_SHARE, alpha_of, budget_of
from ml.gate.context import Look
from ml.performance.betting import FEWEST, brier_gains, weighed
from ml.registry.references.challengers import begun_last_year, challengers, spent_on_challengers
from serving.score.exploration import draw_list

ALPHA = 0.05
FILE = 400
NEW = Process("run", "model", 1, ALPHA)


def a_day(
    random: np.random.Generator, day: int, *, places: int, explore: float, less: float, error: float = 0.1
) -> list[Bet]:
    """The outcomes of one list, drawn as the gateway draws it, whose customers are those that the champion puts on top.

    Both models err by `error`; the challenger by `less` less.
    """
    truth = random.beta(1.2, 2.5, FILE)
    champion = np.clip(truth + random.normal(0, error, FILE), 0, 1)
    challenger = np.clip(truth + random.normal(0, error - less, FILE), 0, 1)
    order = np.argsort(-champion)
    drawn = draw_list(order, places, explore=explore, control=0.1, seed=[str(random.integers(1 << 60))])
    asked = drawn.rows[~drawn.control]
    propensity = np.empty(FILE)
    propensity[order] = drawn.asked
    outcome = (random.random(FILE) < truth).astype(float)
    gains = brier_gains(champion[asked], challenger[asked], outcome[asked])
    bets = weighed(gains, propensity[asked], np.full(len(asked), propensity.min()))
    found = [
        Bet(f"{day}-{row}", f"{day}-{row}", value) for row, value in zip(asked.tolist(), bets.tolist(), strict=True)
    ]
    return [found[place] for place in random.permutation(len(found))]


def year(random: np.random.Generator, process: Process, *, days: int, **world: float) -> Process:
    for day in range(days):
        process = process.extended(a_day(random, day, **world))  # type: ignore[arg-type]
        if process.won_at is not None:
            break
    return process


@pytest.mark.parametrize(("places", "explore", "runs"), [(FILE, 0.0, 60), (100, 0.3, 200), (100, 0.02, 200)])
def test_an_equal_challenger_wins_in_no_more_than_alpha_of_the_years_though_somebody_looks_every_day(
    places: int, explore: float, runs: int
) -> None:
    """Models that err much: whom the champion puts on top are those of whom it is too sure."""
    random = np.random.default_rng(20261129)
    world = {"places": places, "explore": explore, "less": 0.0, "error": 0.25}
    won = sum(year(random, NEW, days=12, **world).won_at is not None for _ in range(runs))
    assert won <= ALPHA * runs


def test_a_worse_one_never_does() -> None:
    random = np.random.default_rng(5)
    assert all(year(random, NEW, days=10, places=FILE, explore=0.0, less=-0.05).won_at is None for _ in range(20))


@pytest.mark.parametrize(("places", "explore", "most"), [(FILE, 0.0, 4_000), (200, 0.5, 6_000)])
def test_a_better_one_wins_within_some_thousand_outcomes_at_the_level_of_the_defaults(
    places: int, explore: float, most: int
) -> None:
    """Its Brier score is lower by 0.0075."""
    random = np.random.default_rng(7)
    process = replace(NEW, alpha=alpha_of(resolve(environment={}).gate))
    asked_a_day = places * 0.9
    found = [
        year(random, process, days=int(most / asked_a_day), places=places, explore=explore, less=0.06)
        for _ in range(20)
    ]
    assert sum(one.won_at is not None for one in found) >= 19


def test_nobody_is_bet_on_twice_and_what_was_bet_stays_in_its_order() -> None:
    one, other = Bet("r1", "c1", 0.5), Bet("r2", "c2", -0.5)
    process = NEW.extended([one])
    assert process.extended([one, other]).bets == (one, other)
    assert process.extended([other, one]).bets == (one, other)
    assert process.extended([replace(one, row="r3"), replace(one, customer="c3")]).bets == (one,), "customer, or row"
    assert process.extended([other, replace(other, row="r9")]).bets == (one, other)


def test_it_ends_where_it_wins() -> None:
    found = [Bet(str(number), str(number), 0.2) for number in range(2 * FEWEST)]
    won = NEW.extended(found)
    assert won.won_at == len(won.bets) == FEWEST
    assert won.wealth >= won.threshold == 20
    assert won.extended([Bet("x", "x", -1.0)]) is won


def test_it_is_read_as_it_was_written() -> None:
    process = NEW.extended([Bet("r1", "c1", 0.1 + 0.2), Bet("r2", "c2", -1 / 3)])
    assert Process.of(process.as_dict()) == process
    with pytest.raises(ValueError, match="a bet"):
        Process.of(process.as_dict() | {"bets": [["r", "c", 2.0]]})


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
