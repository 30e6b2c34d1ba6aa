"""Reasons and words: which values are told, how many, and by what name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from serving.expectation.known_inputs import KnownInput
from serving.reasons.background import Background, BackgroundError
from serving.reasons.explain import Explanation
from serving.reasons.reasons import Reasons, reasons_of
from serving.reasons.words import HIGH, LOW, describe, quantile


def category(*values: str) -> KnownInput:
    return KnownInput(list(values), [1] * len(values), [], None, None, True, None, 100)


def number(counts: list[int], edges: list[float]) -> KnownInput:
    return KnownInput(None, counts, edges, None, None, True, None, 100)


INPUTS = {
    "Gender": category("Female", "Male"),
    "Ever_Married": category("No", "Yes"),
    "Age": number([30, 30, 30], [20.0, 30.0, 40.0, 50.0]),
    "Graduated": category("No", "Yes"),
    "Profession": category("Artist", "Healthcare"),
    "Work_Experience": number([60, 30], [0.0, 2.0, 10.0]),
    "Spending_Score": category("Average", "High", "Low"),
    "Family_Size": number([90], [1.0, 4.0]),
    "Shoe_Size": number([30, 30, 30], [30.0, 36.0, 42.0, 48.0]),
    "Favourite_Colour": category("Red"),
}


@pytest.mark.parametrize(
    ("feature", "value", "words"),
    [
        ("Age", 22, "young (22)"),
        ("Age", 30, "of middle age (30)"),
        ("Age", 40.0, "of middle age (40)"),
        ("Age", 61.5, "older (61.5)"),
        ("Age", float("nan"), "no age given"),
        ("Age", -1, "no age given"),
        ("Profession", "Healthcare", "healthcare"),
        ("Profession", " HEALTHCARE ", "healthcare"),
        ("Profession", "", "no profession given"),
        ("Profession", "  ", "no profession given"),
        ("Profession", None, "no profession given"),
        ("Profession", "=cmd()", "profession unknown to the model"),
        ("Spending_Score", "Low", "low spending"),
        ("Gender", "Female", "female"),
        ("Ever_Married", "Yes", "has been married"),
        ("Ever_Married", "No", "never married"),
        ("Ever_Married", "", "no marital status given"),
        ("Graduated", "Yes", "graduate"),
        ("Graduated", "No", "no graduate"),
        ("Work_Experience", 0, "little work experience (0)"),
        ("Work_Experience", 9, "long work experience (9)"),
        ("Family_Size", 5, "large family (5)"),
        ("Shoe_Size", 31, "low shoe size (31)"),
        ("Favourite_Colour", "red", "favourite colour: red"),
        ("Nothing_Known", 3, "nothing known 3"),
        ("Nothing_Known", "secret", "nothing known"),
    ],
)
def test_what_a_value_is_called(feature: str, value: object, words: str) -> None:
    assert describe(feature, value, INPUTS) == words


def test_where_a_number_is_low_or_high_comes_from_the_data() -> None:
    random = np.random.default_rng(1).gamma(2, 10, 9000)
    counts, edges = np.histogram(random, bins=10)
    known = number(counts.tolist(), edges.tolist())
    for share in (LOW, HIGH):
        found = quantile(known, share)
        assert found is not None
        assert np.mean(random < found) == pytest.approx(share, abs=0.02)
    assert quantile(number([], []), LOW) is None
    assert describe("Age", 30, {"Age": number([], [])}) == "age 30"


def found(values: list[float], error: float | None = 0.001) -> Reasons:
    names = tuple("abcdefgh"[: len(values)])
    row: dict[str, Any] = dict.fromkeys(names, 1.0)
    stored = Background((row,), names, (1.0,), (0.5,), BackgroundError(500, 24, error, error, 1.0))
    told = Explanation(names, np.array([values]), np.array([0.5 + sum(values)]), 0.5, 1, 1)
    return reasons_of(told, stored)[0]


def names_of(reasons: Reasons) -> tuple[str, str]:
    return ("".join(one.feature for one in reasons.speak_for), "".join(one.feature for one in reasons.against))


def test_at_most_three_for_and_three_against_the_strongest_first() -> None:
    assert names_of(found([0.1, 0.2, -0.1, 0.15, 0.12, -0.3, 0.0, 0.0])) == ("bde", "fc")
    assert names_of(found([0.1] * 8)) == ("abc", "")


def test_nothing_below_a_tenth_of_all_and_nothing_below_the_error_of_the_background() -> None:
    assert names_of(found([0.5, 0.4, -0.1])) == ("ab", "c")
    assert names_of(found([0.5, 0.41, -0.09])) == ("ab", "")
    assert names_of(found([0.004, -0.003, 0.002])) == ("ac", "b")
    assert names_of(found([0.004, -0.003, 0.002], error=0.0035)) == ("a", "")
    assert names_of(found([0.0, 0.0], error=None)) == ("", "")
