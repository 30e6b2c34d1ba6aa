"""Who is there in which week, and which rows nobody may see."""

from __future__ import annotations

import numpy as np
import pytest

from ml.errors import DataError
from ml.training.transform import TrainingSide
from ml.trial.backtest.weeks import draw


def side(rows: int, *, targets: float = 0.3) -> TrainingSide:
    """Rows whose neighbours share a profile by pairs; training alone reads the columns."""
    random = np.random.default_rng(3)
    profiles = random.integers(0, 2**63, rows, dtype=np.uint64)
    profiles[1::2] = profiles[: len(profiles[1::2]) * 2 : 2]
    return TrainingSide({}, (random.random(rows) < targets).astype(np.int8), profiles)


def test_a_row_is_in_one_place_and_its_twins_are_there_too() -> None:
    customers = side(4000)
    drawn = draw(customers, weeks=6, eval_share=0.2, seed=1)
    assert not (drawn.is_future & drawn.in_eval).any()
    for week in range(1, 7):
        assert not (drawn.training(week) & (drawn.evaluation(6) | drawn.is_future)).any()
    everywhere = drawn.training(6) | drawn.evaluation(6) | drawn.is_future
    assert everywhere.all()
    for mask in (drawn.is_future, drawn.in_eval, drawn.came):
        assert (mask[::2] == mask[1::2]).all()


def test_half_are_there_at_first_and_the_others_come_evenly_and_stay() -> None:
    drawn = draw(side(20_000), weeks=6, eval_share=0.2, seed=1)
    there = np.array([drawn.rows(week) for week in range(1, 7)])
    assert there[-1] == np.count_nonzero(~drawn.is_future) == pytest.approx(16_000, rel=0.03)
    assert np.allclose(there / there[-1], [0.5, 0.6, 0.7, 0.8, 0.9, 1.0], atol=0.02)
    assert not drawn.evaluation(2)[drawn.came > 2].any()


def test_two_weeks_are_half_and_all() -> None:
    drawn = draw(side(4000), weeks=2, eval_share=0.2, seed=1)
    assert sorted(set(drawn.came.tolist())) == [0, 1, 2]


def test_another_seed_is_another_history_of_the_same_sides() -> None:
    customers = side(4000)
    one, other = (draw(customers, weeks=6, eval_share=0.2, seed=seed) for seed in (1, 2))
    assert (one.is_future == other.is_future).all()
    assert (one.in_eval == other.in_eval).all()
    assert (one.came != other.came).mean() > 0.1
    again = draw(customers, weeks=6, eval_share=0.2, seed=1)
    assert (one.came == again.came).all()


def test_the_order_of_the_rows_does_not_matter() -> None:
    customers = side(4000)
    backwards = TrainingSide({}, customers.labels[::-1], customers.profiles[::-1])
    one, other = (draw(rows, weeks=6, eval_share=0.2, seed=1) for rows in (customers, backwards))
    assert (one.came == other.came[::-1]).all()


@pytest.mark.parametrize(
    ("rows", "targets", "where"),
    [
        (60, 0.5, r"the future would hold \d targets"),
        (360, 0.2, r"the evaluation rows of week 1 would hold \d targets and \d+ others, and need 10 of each"),
    ],
)
def test_too_few_customers_are_counted(rows: int, targets: float, where: str) -> None:
    with pytest.raises(DataError, match=where):
        draw(side(rows, targets=targets), weeks=3, eval_share=0.2, seed=1)
