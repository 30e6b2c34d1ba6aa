"""Levels of a look at the holdout and of a challenger, from a budget of a year; and when a refresh is due."""

from __future__ import annotations

from dataclasses import dataclass

from ml.config.gate_settings import GateSettings
from ml.gate.context import Look

HIGHEST_LEVEL = 0.5
"""At a higher level a candidate that looks worse would be called better."""
REFRESH_PAUSE_DAYS = 28.0
FRESH_SHARE = 0.5
"""The most of the budget that challengers on fresh outcomes may take."""


@dataclass(frozen=True)
class Budget:
    """Expected false "better" a year, spread evenly over the looks, less what challengers have taken.

    Attributes:
        level: The one-sided level of this look.
        looks: The number of looks a year that the budget is divided by.
        counted: Whether that is the number of looks of the last 365 days, since these were more than planned.
    """

    level: float
    looks: int
    counted: bool


def budget_of(settings: GateSettings, look: Look) -> Budget:
    """Return the level of this look."""
    looks = max(settings.looks_per_year, look.looks_last_year)
    year = settings.false_promotions_per_year
    left = max(year - look.on_fresh_outcomes, (1 - FRESH_SHARE) * year)
    return Budget(min(HIGHEST_LEVEL, left / looks), looks, look.looks_last_year > settings.looks_per_year)


def alpha_of(settings: GateSettings) -> float:
    """Return the level of one challenger on fresh outcomes, for all the time that it is followed.

    `gate.looks_per_year` of them may begin in 365 days, so that together they take `FRESH_SHARE` of the budget at most.
    The looks of the year that follows have so much less (`budget_of`).
    """
    return min(HIGHEST_LEVEL, FRESH_SHARE * settings.false_promotions_per_year / settings.looks_per_year)


@dataclass(frozen=True)
class RefreshDue:
    """Whether the champion may be replaced by a candidate that is merely not worse, and why, as a sentence."""

    due: bool
    why: str


def refresh_due(settings: GateSettings, look: Look) -> RefreshDue:
    """Return whether a refresh is due: the data changed or the champion is old, and the last refresh is long ago."""
    paused = look.days_since_refresh is not None and look.days_since_refresh < REFRESH_PAUSE_DAYS
    has_changed = look.changed_share >= settings.refresh_changed_share
    is_old = look.champion_days is not None and look.champion_days >= settings.refresh_days
    data = f"{100 * look.changed_share:.1f} % of the rows are new or changed since {look.baseline} was trained"
    age = "" if look.champion_days is None else f"{look.baseline} is {look.champion_days:.0f} days old"
    bounds = f"due from {100 * settings.refresh_changed_share:.1f} % or {settings.refresh_days:.0f} days"
    facts = f"{data}{' and ' if age else ''}{age} ({bounds})"
    if not (has_changed or is_old):
        return RefreshDue(False, f"No refresh is due: {facts}.")
    if paused:
        return RefreshDue(
            False,
            f"A refresh would be due ({facts}), but the last one was {look.days_since_refresh:.1f} days ago; "
            f"at least {REFRESH_PAUSE_DAYS:.0f} must lie between two.",
        )
    return RefreshDue(True, f"A refresh is due: {facts}.")
