"""Lists with places by lot: number, chance, order and repetition; and what the chance is good for."""

import numpy as np
import pytest

from serving.score.exploration import draw_list, seed_of

ORDER = np.random.default_rng(1).permutation(200)


@pytest.mark.parametrize("count", [1, 2, 40, 199, 200])
@pytest.mark.parametrize("explore", [0.0, 0.02, 0.3, 1.0])
@pytest.mark.parametrize("control", [0.0, 0.05, 1.0])
def test_number_and_chance_hold(count: int, explore: float, control: float) -> None:
    draw = draw_list(ORDER, count, explore=explore, control=control, seed=["7", "file"])
    assert len(draw.rows) == len(set(draw.rows.tolist())) == count
    assert draw.listed.sum() == pytest.approx(count)
    assert draw.asked.sum() == pytest.approx(count - draw.control.sum())
    assert draw.explored.sum() == (max(round(explore * count), 1) if explore and count < 200 else 0)
    assert draw.control.sum() == (max(round(control * count), 1) if control else 0)
    assert (draw.listed > 0).all() == (bool(explore) or count == 200)
    propensity = draw.propensity(ORDER)
    assert propensity[~draw.explored] == pytest.approx(1 - draw.control.mean())
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


def test_the_same_release_and_file_have_the_same_list_and_others_their_own() -> None:
    def rows(release: str, file: bytes) -> list[int]:
        return [*map(int, draw_list(ORDER, 40, explore=0.2, control=0.0, seed=seed_of(release, file)).rows)]

    assert rows("7", b"a") == rows("7", b"a")
    assert len({tuple(rows("7", b"a")), tuple(rows("8", b"a")), tuple(rows("7", b"b"))}) == 3


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
