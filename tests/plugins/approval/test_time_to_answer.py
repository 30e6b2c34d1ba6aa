"""How long a person has to answer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ml.errors import SettingsError
from retraining.approval.time_to_answer import time_to_answer


@pytest.mark.parametrize(("said", "hours"), [("", 120), ("2", 48), (" 0.5 ", 12), ("90", 2160)])
def test_it_is_five_days_unless_the_environment_says_otherwise(said: str, hours: float) -> None:
    assert time_to_answer({"RETRAIN_ANSWER_DAYS": said}) == timedelta(hours=hours)
    assert time_to_answer({}) == timedelta(days=5)


@pytest.mark.parametrize("said", ["soon", "0", "-1", "nan", "inf", "91"])
def test_what_is_no_number_of_days_is_named(said: str) -> None:
    with pytest.raises(SettingsError, match=f"RETRAIN_ANSWER_DAYS={said}: is not a number of days"):
        time_to_answer({"RETRAIN_ANSWER_DAYS": said})
