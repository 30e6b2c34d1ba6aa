"""How unlike the training data a row is: by hand, and how often rows like them are flagged."""

from __future__ import annotations

from math import log2, nan

import numpy as np
import pytest

from serving.expectation.known_inputs import KnownInput
from serving.expectation.unlikeness import FALSE_ALARMS, Unlikeness, unlikeness_of


def category(values: list[str], counts: list[int], *, missing: bool = False) -> KnownInput:
    return KnownInput(values, counts, [], None, None, missing, None, 1000)


AGE = KnownInput(None, [600, 300, 100], [10.0, 20.0, 30.0, 40.0], 0.0, 120.0, False, None, 1000)
INPUTS = {"Age": AGE, "Gender": category(["Female", "Male"], [800, 150], missing=True)}


@pytest.mark.parametrize(
    ("row", "bits", "is_new"),
    [
        ({"Age": 12.0, "Gender": "Female"}, 0.0, False),
        ({"Age": 20.0, "Gender": "Male"}, log2(600 / 300) + log2(800 / 150), False),
        ({"Age": 40.0, "Gender": ""}, log2(600 / 100) + log2(800 / 50), False),
        ({"Age": 40.5, "Gender": "Female"}, log2(600 / 0.5), True),
        ({"Age": 9.0, "Gender": "Female"}, log2(600 / 0.5), True),
        ({"Age": nan, "Gender": "Female"}, log2(600 / 0.5), True),
        ({"Age": 12.0, "Gender": "Diverse"}, log2(800 / 0.5), True),
    ],
)
def test_the_distance_is_the_sum_of_what_each_value_is_rarer_than_the_commonest(
    row: dict[str, object], bits: float, is_new: bool
) -> None:
    unlikeness = Unlikeness(INPUTS)
    assert unlikeness.of(row) == pytest.approx(bits)
    assert unlikeness.flagged(row) == (pytest.approx(bits) if is_new or bits > unlikeness.threshold else None)


def test_rows_whose_features_are_independent_are_flagged_as_rarely_as_promised() -> None:
    random = np.random.default_rng(3)
    shares = [random.dirichlet(np.full(8, 0.7)) for _ in range(8)]
    values = [f"v{n}" for n in range(8)]
    inputs = {
        f"F{n}": category(values, [int(count) for count in np.ceil(share * 100_000)]) for n, share in enumerate(shares)
    }
    unlikeness = Unlikeness(inputs)
    drawn = [random.choice(values, size=20_000, p=share).tolist() for share in shares]
    rows = [dict(zip(inputs, row, strict=True)) for row in zip(*drawn, strict=True)]
    flagged = sum(unlikeness.flagged(row) is not None for row in rows) / len(rows)
    assert flagged == pytest.approx(FALSE_ALARMS, abs=0.003)


def test_rare_values_add_up_although_each_is_known() -> None:
    inputs = {f"F{n}": category(["common", "rare"], [950, 50]) for n in range(8)}
    unlikeness, common = Unlikeness(inputs), dict.fromkeys(inputs, "common")
    assert unlikeness.flagged(common | {"F0": "rare"}) is None
    assert unlikeness.flagged(common | dict.fromkeys(["F0", "F1", "F2", "F3"], "rare")) is not None


def test_nothing_is_measured_where_nothing_is_known() -> None:
    assert unlikeness_of({}) is None
    assert unlikeness_of({"Gender": category([], [])}) is None
