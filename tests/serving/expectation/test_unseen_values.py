"""The values of a customer that no customer of the training had."""

from __future__ import annotations

import math

from serving.expectation.known_inputs import KnownInput
from serving.expectation.unseen_values import UnseenValues

AGE = KnownInput(None, [5, 5], [18.0, 50.0, 90.0], 0.0, 120.0, False, None, 1)
WORK = KnownInput(["Artist", "Doctor"], [5, 5], [], None, None, True, None, 1)


def test_other_categories_numbers_beyond_all_and_unusual_gaps_are_unseen() -> None:
    unseen = UnseenValues({"Age": AGE, "Profession": WORK})
    assert unseen.names({"Age": 18.0, "Profession": "Artist"}) == []
    assert unseen.names({"Age": 90.0, "Profession": ""}) == []
    assert unseen.names({"Age": 17.9, "Profession": "Wizard"}) == ["Age", "Profession"]
    assert unseen.names({"Age": 90.1, "Profession": "Doctor"}) == ["Age"]
    assert unseen.names({"Age": math.nan, "Profession": "Doctor"}) == ["Age"]
    assert unseen.names({"Age": 1.0, "Height": 1.0}) == ["Age"]
    assert UnseenValues({}).names({"Age": -5.0}) == []
