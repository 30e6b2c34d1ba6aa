"""Of whom something is known: by lists that explore and lists that do not, whole files and lists that came back."""

from __future__ import annotations

import numpy as np
import pytest

from ml.performance.customers import CONTROL, EXPLORED, TARGETED, Customers, parts
from ml.performance.means import aipw_mean, hajek_mean
from serving.score.exploration import draw_list

DAY = np.datetime64("2026-11-02")


def customers(rows: list[tuple[int, float, str, float]], *, whole: bool = True) -> Customers:
    """Rows of list, propensity, mark and outcome (NaN for none)."""
    lists, propensity, group, outcome = (np.array(column) for column in zip(*rows, strict=True))
    is_whole = np.full(len(rows), whole)
    part = parts(group, propensity, lists, is_whole)
    flat = np.full(len(rows), 0.5)
    day, who = np.full(len(rows), DAY), np.arange(len(rows))
    return Customers(flat, flat, propensity, outcome.astype(float), part, lists, is_whole, day, who)


NONE = float("nan")
EXPLORING = [(0, 1.0, "", 1.0), (0, 1.0, "", NONE), (0, 0.5, EXPLORED, 0.0), (0, 0.5, "", NONE)]


def test_a_list_that_explores_covers_its_file() -> None:
    found = customers(EXPLORING)
    assert found.is_asked.tolist() == [True, True, True, False]
    assert found.is_covered.all()
    assert found.is_reached.all()


def test_of_those_asked_the_ones_with_an_outcome_are_a_sample() -> None:
    asked = customers(EXPLORING).asked(np.ones(4, np.bool_))
    assert asked.propensity.tolist() == pytest.approx([2 / 3, 2 / 3, 1 / 3, 1 / 3])


def test_a_list_that_does_not_explore_covers_nobody_and_takes_nothing_from_others() -> None:
    greedy = [(1, 1.0, "", 1.0), (1, 0.0, "", NONE)]
    assert customers([*EXPLORING, *greedy]).is_covered.tolist() == [True] * 4 + [False] * 2


def test_a_list_without_an_outcome_says_nothing_of_its_customers() -> None:
    silent = [(1, 1.0, "", NONE), (1, 0.5, EXPLORED, NONE)]
    found = customers([*EXPLORING, *silent])
    assert found.is_covered.tolist() == [True] * 4 + [False] * 2
    assert found.answered_share.tolist() == pytest.approx([2 / 3] * 4 + [0.0] * 2)


def test_a_list_that_came_back_stands_for_its_file_when_it_explores_but_does_not_say_who_was_in_it() -> None:
    back = customers(EXPLORING[:3], whole=False)
    assert not back.is_covered.any()
    assert back.is_reached.all()
    plain = customers([(0, 1.0, "", 1.0), (0, 1.0, "", 0.0)], whole=False)
    assert not plain.is_reached.any()
    short = customers([(0, 1.0, "", 1.0), (0, 0.8, "", 0.0)], whole=False)
    assert short.is_reached.all(), "the lot gave nobody from below a place, and might have"


@pytest.mark.parametrize("explore", [0.0, 0.02, 0.1, 0.5, 0.97])
@pytest.mark.parametrize("control", [0.0, 0.13])
@pytest.mark.parametrize("count", [0, 1, 7, 10, 55, 100])
def test_the_parts_are_those_of_the_list_that_was_drawn(explore: float, control: float, count: int) -> None:
    """But for at most one customer, whose place was drawn by lot."""
    for seed in range(30):
        order = np.random.default_rng(seed).permutation(100)
        draw = draw_list(order, count, explore=explore, control=control, seed=[str(seed)])
        propensity, group = np.empty(100), np.full(100, "", "<U8")
        propensity[order] = draw.asked
        group[draw.rows[draw.explored]] = EXPLORED
        group[draw.rows[draw.control]] = CONTROL
        right = np.full(100, "below", "<U8")
        right[draw.rows] = TARGETED
        right[group != ""] = group[group != ""]
        found = parts(group, propensity, np.zeros(100, np.intp), np.ones(100, np.bool_))
        assert (found != right).sum() <= (explore * count % 1 > 0)


def test_a_list_of_everybody_covers_everybody() -> None:
    assert customers([(0, 1.0, "", 1.0), (0, 1.0, "", 0.0)]).is_covered.all()


def test_of_a_list_by_lot_alone_those_without_a_mark_were_not_drawn() -> None:
    found = customers([(0, 0.5, EXPLORED, 1.0), (0, 0.5, "", NONE), (0, 0.5, EXPLORED, NONE), (0, 0.5, "", 1.0)])
    assert found.part.tolist() == [EXPLORED, "below", EXPLORED, "below"]


def test_the_last_above_the_cut_may_have_a_chance_between_and_counts_as_on_the_list() -> None:
    found = customers([(0, 1.0, "", 1.0), (0, 0.8, "", 1.0), (0, 0.01, "", NONE), (0, 0.01, "", NONE)])
    assert found.part.tolist() == [TARGETED, TARGETED, "below", "below"]
    assert found.is_covered.all()


def test_the_control_group_is_marked_and_was_not_asked() -> None:
    found = customers([(0, 0.9, "", 1.0), (0, 0.9, CONTROL, 1.0), (0, 0.09, "", NONE), (0, 0.09, EXPLORED, 0.0)])
    assert found.part.tolist() == [TARGETED, CONTROL, "below", EXPLORED]
    assert found.asked(np.ones(4, np.bool_)).has_outcome.tolist() == [True, False, False, True]
    assert found.has_control.all()


def test_with_outcomes_of_half_of_those_asked_the_means_are_still_right() -> None:
    """Without the share of those with an outcome AIPW would lean on the expectation, which is wrong here."""
    random = np.random.default_rng(11)
    values = []
    for _ in range(200):
        truth = np.sort(random.beta(1.2, 2.5, 1000))[::-1]
        outcome = (random.random(1000) < truth).astype(float)
        propensity = np.where(np.arange(1000) < 200, 1.0, 0.2)
        drawn = random.random(1000) < propensity
        outcome[~drawn | (random.random(1000) < 0.5)] = NONE
        group = np.where(drawn & (propensity < 1), EXPLORED, "")
        lists, whole = np.zeros(1000, np.intp), np.ones(1000, np.bool_)
        part = parts(group, propensity, lists, whole)
        expected = np.full(1000, 0.9)
        day, who = np.full(1000, DAY), np.arange(1000)
        found = Customers(truth, expected, propensity, outcome, part, lists, whole, day, who)
        asked = found.asked(found.is_covered)
        robust, plain = aipw_mean(asked, asked.outcome, asked.expected), hajek_mean(asked, asked.outcome)
        values.append(
            (robust.value - truth.mean(), plain.value - truth.mean(), robust.low <= truth.mean() <= robust.high)
        )
    off, plain_off, covered = np.mean(values, axis=0)
    assert abs(off) < 0.015
    assert abs(plain_off) < 0.015
    assert covered > 0.9
