"""How long a person has to answer: `RETRAIN_ANSWER_DAYS` in the environment of the DAG processor, else five days."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from datetime import timedelta

from ml.errors import SettingsError

VARIABLE = "RETRAIN_ANSWER_DAYS"
DAYS, MOST_DAYS = 5.0, 90.0


def time_to_answer(environment: Mapping[str, str] = os.environ) -> timedelta:
    """Return after how long no answer is a refusal.

    Raises:
        SettingsError: The variable is no number of days above 0, or is above 90.
    """
    said = environment.get(VARIABLE, "").strip()
    try:
        days = float(said) if said else DAYS
    except ValueError:
        days = math.nan
    if not 0 < days <= MOST_DAYS:
        raise SettingsError(
            f"{VARIABLE}={said}: is not a number of days above 0 and up to {MOST_DAYS:g}.",
            f"Write it as 5 or 0.5, or leave it out for {DAYS:g} days.",
        )
    return timedelta(days=days)
