"""The rule for contacts, its curve, and the amounts that are entered for one list."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.expectation.calibration import Calibration
from serving.expectation.economics import Economics, EconomicsError, Entered, amount
from serving.expectation.profit import contacts_that_pay, is_contacted, list_profit, profit_curve

LINE = Calibration(0.3, 1.2, ((0.01, 0.002), (0.002, 0.02)), 1000)
AS_IT_IS = Calibration(0.0, 1.0, ((0.0, 0.0), (0.0, 0.0)), 1000)
PROBABILITIES = st.lists(st.floats(0.0, 1.0, width=32), min_size=1, max_size=60)


MONEY = st.tuples(st.floats(1.0, 1e6), st.floats(0.001, 0.999), st.sampled_from([0, 1, 7]))
"""A value, the share of it that a contact costs, and how many contacts the budget pays for."""


def of(money: tuple[float, float, int]) -> Economics:
    value, share, contacts = money
    return Economics(value, value * share, value * share * contacts, "EUR")


@given(PROBABILITIES, MONEY)  # type: ignore[untyped-decorator]
@settings(deadline=None)  # type: ignore[untyped-decorator]
def test_no_other_place_of_the_cut_within_the_budget_earns_more(
    found: list[float], money: tuple[float, float, int]
) -> None:
    economics, best_first = of(money), np.array(sorted(found, reverse=True))
    count = contacts_that_pay(LINE.apply(best_first), economics)
    curve = profit_curve(LINE, best_first, economics)
    most = len(found) if economics.affordable is None else min(len(found), economics.affordable)
    assert count <= most
    assert curve.profit[count] >= curve.profit[: most + 1].max() - 1e-9 * economics.value * len(found)
    assert count == min(int(is_contacted(LINE.apply(best_first), economics.cut).sum()), most)


@given(PROBABILITIES, MONEY)  # type: ignore[untyped-decorator]
@settings(deadline=None)  # type: ignore[untyped-decorator]
def test_the_curve_ends_with_what_is_expected_of_the_whole_list(
    found: list[float], money: tuple[float, float, int]
) -> None:
    economics, best_first = of(money), np.array(sorted(found, reverse=True))
    curve, n = profit_curve(LINE, best_first, economics), len(found)
    expected = LINE.expect(best_first)
    whole = list_profit(expected, n, economics)
    assert curve.found[-1] == pytest.approx(expected.share * n)
    assert curve.profit[-1] == pytest.approx(whole.profit, abs=1e-6 * economics.value * n)
    assert (curve.found_low <= curve.found).all()
    assert (curve.found <= curve.found_high).all()
    assert (curve.found_high <= np.arange(n + 1)).all()
    assert (np.diff(curve.found) >= 0).all()
    assert curve.found[0] == curve.profit[0] == 0


def test_beyond_500_rows_the_interval_of_the_curve_is_that_of_the_list() -> None:
    best_first = -np.sort(-np.random.default_rng(5).beta(1, 3, 2000))
    curve = profit_curve(LINE, best_first, None)
    for count in (501, 1000, 2000):
        expected = LINE.expect(best_first[:count])
        found = np.array([curve.found[count], curve.found_low[count], curve.found_high[count]]) / count
        assert found == pytest.approx([expected.share, expected.low, expected.high], rel=1e-9)
    assert np.isnan(curve.profit).all()


def test_what_a_list_costs_and_brings_by_hand() -> None:
    economics = Economics(80.0, 10.0, 0.0, "EUR")
    probability = np.array([0.9, 0.5, 0.125, 0.1])
    assert contacts_that_pay(probability, economics) == 2, "at 0.125 value and cost are equal"
    assert profit_curve(AS_IT_IS, probability, economics).profit == pytest.approx([0, 62, 92, 92, 90])
    found = list_profit(AS_IT_IS.expect(probability[:2]), 2, economics)
    assert (found.contacts, found.cost, found.back, found.profit) == pytest.approx((2, 20, 112, 92))
    assert (found.profit_low, found.profit_high) == (found.back_low - 20, found.back_high - 20)
    nobody = list_profit(None, 0, economics)
    assert (nobody.cost, nobody.back, nobody.profit) == (0, 0, 0)


def test_what_is_entered_goes_before_the_release_and_is_checked_with_it() -> None:
    release = Economics(80.0, 10.0, 500.0, "EUR")
    assert Entered().over(release, "--{}") == release
    assert Entered().over(None, "--{}") is None
    assert Entered(budget=70.0, value=90.0).over(release, "--{}") == Economics(90.0, 10.0, 70.0, "EUR")
    assert Entered(80.0, 10.0).over(None, "--{}") == Economics(80.0, 10.0, 0.0, "")
    assert Entered(value=0.0, cost=0.0).over(release, "--{}") is None, "nothing is said in money"


@pytest.mark.parametrize(
    ("entered", "says"),
    [
        (Entered(value=80.0), "--cost is not set, and the other one is. Set both, or neither."),
        (Entered(cost=80.0), "--value is not set, and the other one is."),
        (Entered(value=10.0, cost=10.0), "--cost = 10: must be below --value = 10, or no contact pays."),
        (Entered(budget=10.0), "--budget = 10 says nothing without value and cost. Set --value and --cost."),
    ],
)
def test_amounts_that_contradict_one_another_are_refused(entered: Entered, says: str) -> None:
    with pytest.raises(EconomicsError) as raised:
        entered.over(None, "--{}")
    assert str(raised.value).startswith(says)


def test_an_amount_is_a_number_from_0_on() -> None:
    assert [amount("1e3"), amount(0.5)] == [1000.0, 0.5]
    for wrong in ("-1", "nan", "inf", "2e9", "ten", math.nan):
        with pytest.raises(ValueError, match=r"amount|convert"):
            amount(wrong)


def test_a_record_is_read_as_it_was_written() -> None:
    economics = Economics(80.0, 10.0, 505.0, "EUR")
    assert Economics.of(economics.as_dict()) == economics
    with pytest.raises(ValueError, match="must be below"):
        Economics.of(economics.as_dict() | {"cost": 90.0})
