"""The rules by which outcomes find the rows that they are about: one test for each case of docs/outcomes.md."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from ml.performance.joined import Joined, Scored, Told, join
from ml.performance.means import FEWEST, hajek_mean

SCORED = date(2026, 11, 1)
AFTER = date(2026, 11, 20)


def row(number: int, **changes: Any) -> Scored:
    given = {"request_id": "list", "row": number, "version": "7", "day": SCORED, "probability": 0.5, "propensity": 0.5}
    return Scored(**{**given, **changes})


def told(place: str, label: str = "D", number: int | None = 1, **changes: Any) -> Told:
    key = None if number is None else ("list", number)
    return Told(**{"place": place, "received": "1", "day": AFTER, "label": label, "key": key, **changes})


def joined(rows: list[Scored], outcomes: list[Told], **settings: Any) -> Joined:
    return join(rows, outcomes, target="D", calibrated=lambda _, score: score / 2, **settings)


def left(found: Joined) -> dict[str, list[str]]:
    return {name: places for name, places in vars(found.left).items() if places}


def outcomes_of(found: Joined, version: str = "7") -> list[float | None]:
    return [None if value != value else value for value in found.customers[version].outcome.tolist()]


def test_an_outcome_is_joined_by_request_and_row_and_the_others_have_none() -> None:
    found = joined([row(1), row(2), row(3, probability=0.25)], [told("a"), told("b", "rest", 3)])
    customers = found.customers["7"]
    assert outcomes_of(found) == [1.0, None, 0.0]
    assert customers.score.tolist() == [0.5, 0.5, 0.25]
    assert customers.expected.tolist() == [0.25, 0.25, 0.125]
    assert customers.propensity.tolist() == [0.5, 0.5, 0.5]
    assert customers.day.tolist() == [SCORED] * 3
    assert left(found) == {}
    assert set(found.left.counts().values()) == {0}


def test_each_version_has_its_own() -> None:
    found = joined([row(1), row(2, version="8")], [told("a"), told("b", "rest", 2)])
    assert (outcomes_of(found), outcomes_of(found, "8")) == ([1.0], [0.0])


def test_a_customer_alone_is_found_in_the_last_list_before_the_outcome() -> None:
    rows = [
        row(1, request_id="old", customer="466735", version="6", day=date(2026, 10, 1)),
        row(1, customer="466735"),
        row(1, request_id="next", customer="466735", version="8", day=date(2026, 11, 25)),
    ]
    found = joined(rows, [told("a", number=None, customer="466735")])
    assert (outcomes_of(found, "6"), outcomes_of(found), outcomes_of(found, "8")) == ([None], [1.0], [None])


def test_an_outcome_of_nobody_is_unknown() -> None:
    found = joined([row(1, customer="1")], [told("a", number=9), told("b", number=None, customer="2")])
    assert left(found) == {"unknown": ["a", "b"]}
    assert outcomes_of(found) == [None]


def test_a_row_of_another_customer_is_mismatched_and_one_without_a_customer_is_not() -> None:
    rows = [row(1, customer="1"), row(2), row(3, customer="466735")]
    same = told("c", number=3, customer="466735.0")
    found = joined(rows, [told("a", customer="2"), told("b", number=2, customer="2"), same])
    assert left(found) == {"mismatched": ["a"]}
    assert outcomes_of(found) == [None, 1.0, 1.0]


def test_a_customer_who_is_twice_in_one_list_is_ambiguous() -> None:
    rows = [row(1, customer="1"), row(2, customer="1")]
    found = joined(rows, [told("a", number=None, customer="1")])
    assert left(found) == {"ambiguous": ["a"]}


@pytest.mark.parametrize(
    ("day", "case"),
    [
        (date(2026, 10, 30), {"early": ["a", "b"]}),
        (date(2026, 10, 31), {"repeated": ["a"]}),  # the same evening in New York, where it is not yet tomorrow
        (SCORED, {"repeated": ["a"]}),
        (date(2026, 12, 1), {"repeated": ["a"]}),
        (date(2026, 12, 2), {"late": ["a", "b"]}),
    ],
)
def test_an_outcome_has_to_follow_and_not_too_late(day: date, case: dict[str, list[str]]) -> None:
    both = [told("a", day=day), told("b", number=None, customer="1", day=day)]
    found = joined([row(1, customer="1")], both, latest_days=30)
    assert left(found) == case
    assert outcomes_of(found) == ([1.0] if "repeated" in case else [None])


def test_a_list_without_a_date_takes_outcomes_of_any() -> None:
    assert outcomes_of(joined([row(1, day=None)], [told("a", day=date(2001, 1, 1))])) == [1.0]


def test_what_is_told_again_counts_once() -> None:
    found = joined([row(1)], [told("a"), told("b", received="2"), told("c", received="3", day=SCORED)])
    assert left(found) == {"repeated": ["c", "a"]}
    assert outcomes_of(found) == [1.0]


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [
        ({"day": AFTER}, {"day": SCORED, "received": "2"}, 1.0),  # the later date, whenever it came
        ({"day": AFTER}, {"day": AFTER, "received": "2"}, 0.0),  # of the same date the later one, a correction
    ],
)
def test_of_two_that_contradict_each_other_one_counts(first: Any, second: Any, counts: float) -> None:
    one, other = told("a", "D", **first), told("b", "rest", **second)
    for order in ([one, other], [other, one]):
        found = joined([row(1)], order)
        assert outcomes_of(found) == [counts]
        assert left(found) == {"contradicted": ["b" if counts else "a"]}


def test_without_a_chance_to_be_asked_an_outcome_has_no_weight() -> None:
    rows = [row(1, propensity=0.0), row(2, propensity=None), row(3, propensity=0.0)]
    found = joined(rows, [told("a"), told("b", number=2)])
    assert left(found) == {"unasked": ["b", "a"]}
    assert found.customers["7"].propensity.tolist() == [0.0, 0.0]
    assert outcomes_of(found) == [None, None]


def test_who_was_below_the_cut_and_not_drawn_was_not_asked_whatever_is_told_of_him() -> None:
    """The lot is the only reason for an outcome that has a weight; with another one he would stand for ten."""
    rows = [row(1, propensity=1.0), row(2, propensity=0.1, group="explored"), row(3, propensity=0.1)]
    found = joined(rows, [told("a"), told("b", number=2), told("c", number=3)])
    assert left(found) == {"unasked": ["c"]}
    assert found.customers["7"].part.tolist() == ["targeted", "explored", "below"]
    assert outcomes_of(found) == [1.0, 1.0, None]


def test_who_lost_the_last_place_by_lot_was_not_on_the_list_that_marks_who_was() -> None:
    rows = [row(1, propensity=1.0, group="targeted"), row(2, propensity=0.4), row(3, propensity=0.1, group="explored")]
    found = joined(rows, [told("a"), told("b", number=2), told("c", number=3)])
    assert found.customers["7"].part.tolist() == ["targeted", "below", "explored"]
    assert left(found) == {"unasked": ["b"]}


def test_a_list_that_came_back_has_nobody_below_the_cut() -> None:
    rows = [row(1, propensity=1.0, is_whole=False), row(2, propensity=0.1, is_whole=False)]
    assert joined(rows, [told("b", number=2)]).customers["7"].part.tolist() == ["targeted", "targeted"]


def test_a_version_that_is_not_certain_is_no_version() -> None:
    rows = [row(1, version="unknown"), row(2), row(3, version="../7"), row(4, version="²")]
    found = joined(rows, [told("a"), told("b", number=3)])
    assert left(found) == {"version_unknown": ["a", "b"]}
    assert set(found.customers) == {"7"}


def test_the_control_group_is_apart_and_has_not_been_asked() -> None:
    rows = [row(1, group="control"), row(2, group="control"), row(3, group="explored", propensity=0.1), row(4)]
    found = joined(rows, [told("a"), told("b", "rest", 2), told("c", number=3)])
    customers = found.customers["7"]
    assert customers.part.tolist() == ["control", "control", "explored", "targeted"]
    assert outcomes_of(found) == [1.0, 0.0, 1.0, None]
    asked = customers.asked(np.ones(4, np.bool_))
    assert asked.has_outcome.tolist() == [False, False, True, False]


def test_of_the_same_row_from_two_sources_the_first_counts() -> None:
    found = joined([row(1, probability=0.75), row(1, probability=0.1, version="8")], [told("a")])
    assert found.customers["7"].score.tolist() == [0.75]
    assert "8" not in found.customers


def test_what_is_joined_is_what_the_estimators_take() -> None:
    drawn = {*range(31, 331, 10)}
    rows = [row(number, propensity=1.0) for number in range(1, 31)]
    rows += [row(number, propensity=0.1, group="explored" if number in drawn else "") for number in range(31, 331)]
    asked = [*range(1, 31), *drawn]
    found = joined(rows, [told(str(number), "D" if number <= 30 else "rest", number) for number in asked])
    assert len(asked) >= FEWEST
    customers = found.customers["7"]
    assert customers.is_covered.all()
    everybody = customers.asked(customers.is_covered)
    assert hajek_mean(everybody, everybody.outcome).value == pytest.approx(30 / 330)
    assert np.isnan(customers.outcome).sum() == 330 - 60


def test_a_customer_of_several_lists_is_one_and_who_is_not_named_is_nobody_else() -> None:
    """However the identifier is written, in the row or in its outcome."""
    rows = [
        row(1, customer="466735"),
        row(2),
        row(3),
        row(1, request_id="next", customer="466735.0"),
        row(2, request_id="next"),
        row(3, request_id="next"),
    ]
    outcomes = [told("a", number=2, customer="7"), Told("b", "1", AFTER, "D", ("next", 2), "7")]
    who = joined(rows, outcomes).customers["7"].customer.tolist()
    assert who[0] == who[3]
    assert who[1] == who[4]
    assert len({*who}) == 4


@pytest.mark.parametrize("propensity", [0.0, 1e-9, 7.0, float("nan")])
def test_an_outcome_with_a_propensity_that_no_list_has_is_unasked_and_breaks_nothing(propensity: float) -> None:
    """As of a list that came back after a spreadsheet had rounded its numbers."""
    rows = [row(1, propensity=1.0, is_whole=False), row(2, propensity=propensity, is_whole=False)]
    found = joined(rows, [told("a"), told("b", number=2)])
    assert left(found) == {"unasked": ["b"]}
    customers = found.customers["7"]
    assert customers.asked(np.ones(len(customers), np.bool_)).has_outcome.sum() == 1


def test_a_row_that_a_recorded_file_does_not_have_is_unknown_and_its_list_stays_whole() -> None:
    rows = [row(1, propensity=1.0), row(2, group="explored"), row(3), row(99, is_whole=False)]
    found = joined(rows, [told("a"), told("b", number=2), told("c", number=99)])
    assert left(found) == {"unknown": ["c"]}
    assert found.customers["7"].is_covered.all()
