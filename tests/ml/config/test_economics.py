"""Money counts only when value, cost and budget make sense together, and is written as people write it."""

from __future__ import annotations

import pytest

from ml.config.economics import Economics
from ml.config.settings import resolve
from ml.errors import SettingsError


def of(*overrides: str) -> Economics:
    return resolve(overrides=[f"economics.{one}" for one in overrides], environment={}).economics


def test_nothing_is_set_until_somebody_says_so() -> None:
    assert not of().is_set
    assert Economics.read({"value": 0.0, "cost": 0.0, "budget": 0.0, "currency": ""}) is None
    assert Economics.read(None) is None


def test_value_and_cost_decide_the_cut_and_the_budget_the_number() -> None:
    economics = of("value=80", "cost=10", "budget=505", "currency=EUR")
    assert (economics.is_set, economics.cut, economics.affordable) == (True, 0.125, 50)
    assert of("value=0.3", "cost=0.1", "budget=0.3").affordable == 3, "whatever binary fractions make of it"
    assert of("value=80", "cost=10").affordable is None


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("value=80",), "economics.cost is not set"),
        (("cost=10",), "economics.value is not set"),
        (("value=10", "cost=10"), "must be below economics.value = 10, or no contact pays"),
        (("budget=100",), "economics.budget = 100 says nothing without value and cost"),
        (("value=-1", "cost=-2"), r"economics.value = -1.0: must lie in"),
        (("value=nan", "cost=1"), "economics.value = nan: is not a finite number"),
        (("value=8", "cost=1", "currency=<script>"), "at most 8 characters"),
    ],
)
def test_what_contradicts_itself_is_refused(overrides: tuple[str, ...], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        of(*overrides)


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (12345.6, "12,346 EUR"),
        (80.0, "80 EUR"),
        (0.35, "0.35 EUR"),
        (-1500.0, "\u22121,500 EUR"),
        (99.999, "100.00 EUR"),
    ],
)
def test_amounts_are_written_as_people_write_them(money: float, text: str) -> None:
    assert of("value=80", "cost=10", "currency=EUR").amount(money) == text


def test_value_and_cost_decide_a_run_only_where_profit_is_judged() -> None:
    prices = ["economics.value=80", "economics.cost=10", "economics.budget=100", "economics.currency=EUR"]
    silent, judged, off, decides = (
        resolve(overrides=more, environment={})
        for more in ([], prices, [*prices, "gate.profit=off"], [*prices, "gate.profit=off", "gate.primary=Profit"])
    )
    assert judged.deciding_settings()["economics"] == decides.deciding_settings()["economics"] == {
        "value": 80.0, "cost": 10.0,
    }  # fmt: skip
    assert off.deciding_settings() == silent.deciding_settings(), "what is only shown changes no run"
    assert [one.gate_economics is None for one in (silent, judged, off, decides)] == [True, False, True, False]


def test_profit_cannot_decide_before_somebody_has_said_what_a_contact_costs() -> None:
    with pytest.raises(SettingsError, match=r"needs economics\.value and economics\.cost"):
        resolve(overrides=["gate.primary=Profit"], environment={})
