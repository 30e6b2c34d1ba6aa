"""Lists with places by lot: number, chance, order and repetition; and what the chance is good for."""

from pathlib import Path

import numpy as np
import pytest

from serving.score.exploration import draw_list
from serving.score.lists.drawn_list import DrawnList, Source

ORDER = np.random.default_rng(1).permutation(200)


@pytest.mark.parametrize("count", [1, 2, 40, 199, 200])
@pytest.mark.parametrize("explore", [0.0, 0.02, 0.3, 1.0])
@pytest.mark.parametrize("control", [0.0, 0.05, 1.0])
def test_number_and_chance_hold(count: int, explore: float, control: float) -> None:
    draw = draw_list(ORDER, count, explore=explore, control=control, seed=["7", "file"])
    assert len(draw.rows) == len(set(draw.rows.tolist())) == count
    assert draw.listed.sum() == pytest.approx(count)
    assert draw.asked.sum() == pytest.approx(count * (1 - control))
    assert abs(draw.explored.sum() - (explore * count if count < 200 else 0)) < 1
    assert abs(draw.control.sum() - control * count) < 1
    assert (draw.listed > 0).all() == (bool(explore) or count == 200)
    propensity = draw.propensity(ORDER)
    assert propensity[~draw.explored][: count - int(explore * count) - 1] == pytest.approx(1 - control)
    assert (propensity == draw.asked[[int(np.flatnonzero(row == ORDER)[0]) for row in draw.rows]]).all()


def test_without_both_the_list_is_the_ranking() -> None:
    draw = draw_list(ORDER, 40, explore=0.0, control=0.0, seed=["7", "file"])
    assert draw.rows.tolist() == ORDER[:40].tolist()
    assert draw.propensity(ORDER).tolist() == [1.0] * 40


def test_the_best_stay_in_order_and_the_explored_follow_in_order() -> None:
    draw = draw_list(ORDER, 40, explore=0.2, control=0.0, seed=["7", "file"])
    place = {row: number for number, row in enumerate(ORDER.tolist())}
    places = [place[row] for row in draw.rows.tolist()]
    assert places[:32] == list(range(32))
    assert places[32:] == sorted(places[32:])
    assert min(places[32:]) >= 32


def test_the_same_release_file_and_choice_have_the_same_list_and_others_their_own(tmp_path: Path) -> None:
    def drawn(version: int, content: str, explore: float = 0.2, count: int = 40) -> DrawnList:
        path = tmp_path / "in.csv"
        path.write_text(content)
        return DrawnList.of(ORDER, count, Source.of("m", version, path), explore=explore)

    def rows(found: DrawnList) -> tuple[int, ...]:
        return tuple(map(int, found.draw.rows))

    assert rows(drawn(7, "a")) == rows(drawn(7, "a"))
    assert drawn(7, "a").id == drawn(7, "a").id
    others = [drawn(7, "a"), drawn(8, "a"), drawn(7, "b"), drawn(7, "a", explore=0.3), drawn(7, "a", count=41)]
    assert len({rows(found) for found in others}) == len({found.id for found in others}) == 5


def test_everybody_below_is_drawn_as_often_as_the_propensity_says() -> None:
    times = np.zeros(200)
    alone = np.zeros(200)
    for number in range(2000):
        draw = draw_list(np.arange(200), 40, explore=0.2, control=0.1, seed=["7", str(number)])
        times[draw.rows] += 1
        alone[draw.rows[draw.control]] += 1
    assert (times[:32] == 2000).all()
    expected = 2000 * 8 / 168
    assert abs(times[32:] - expected).max() < 5 * np.sqrt(expected)
    assert alone.sum() == 2000 * 4
    assert abs(alone[:32] - 200).max() < 5 * np.sqrt(200)


def test_a_share_of_less_than_one_place_holds_over_many_lists() -> None:
    times = np.zeros(200)
    places, alone = 0, 0
    for number in range(4000):
        draw = draw_list(np.arange(200), 10, explore=0.13, control=0.05, seed=["7", str(number)])
        times[draw.rows] += 1
        places += int(draw.explored.sum())
        alone += int(draw.control.sum())
    assert (times[:8] == 4000).all()
    assert (np.abs(times - 4000 * draw.listed) < 5 * np.sqrt(4000 * draw.listed * (1 - draw.listed)) + 1e-9).all()
    assert draw.listed[8] < 1 < draw.listed[8] + 0.31
    assert abs(places - 5200) < 5 * np.sqrt(4000 * 0.21)
    assert abs(alone - 2000) < 5 * np.sqrt(1000)


def test_the_share_among_all_is_known_from_the_list_and_its_propensity_alone() -> None:
    truth = (np.arange(200) % 3 == 0).astype(float)
    estimates = []
    for number in range(400):
        draw = draw_list(np.arange(200), 60, explore=0.5, control=0.1, seed=["7", str(number)])
        asked = ~draw.control
        weight = 1 / draw.propensity(np.arange(200))[asked]
        estimates.append(float(weight @ truth[draw.rows[asked]]) / 200)
    assert np.mean(estimates) == pytest.approx(truth.mean(), abs=3 * float(np.std(estimates)) / 20)


@pytest.mark.parametrize(
    ("count", "explore", "control"), [(201, 0.0, 0.0), (-1, 0.0, 0.0), (1, 1.1, 0.0), (1, 0, -0.1)]
)
def test_shares_and_counts_have_their_ranges(count: int, explore: float, control: float) -> None:
    with pytest.raises(ValueError, match=r"share|places"):
        draw_list(ORDER, count, explore=explore, control=control, seed=[])
