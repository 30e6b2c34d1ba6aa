"""What a decision has to know besides the rows: earlier looks at them, and the champion's age."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """What the ledger says of earlier looks at this holdout, and of the champion's age.

    Attributes:
        looks_last_year: Looks of one recipe (the champion's settings) in the last 365 days since the count began, this
            one included.
        looks_since_champion: Looks since the champion came, this one included.
        looks_with_other_settings: Looks made while settings changed; they are counted apart.
        holdout_since: ISO time of the first look at this holdout; "" for the first.
        champion_days: Age of the champion in days; None without one.
        days_since_refresh: Days since a refresh was promoted; None when there was none.
        changed_share: Share of today's rows that are new or changed since the champion was trained, 0..1.
        baseline: What the candidate is compared with, as a sentence says it: "version 3".
        baseline_note: "", or a whole sentence: no server was asked, or champion and served version differ.
        anchor: The version last promoted as better, or the first, as a sentence says it: "version 1".
        on_fresh_outcomes: What challengers on fresh outcomes have taken of the year's budget in the last 365 days.
    """

    looks_last_year: int
    looks_since_champion: int
    looks_with_other_settings: int
    holdout_since: str
    champion_days: float | None
    days_since_refresh: float | None
    changed_share: float
    baseline: str
    baseline_note: str
    anchor: str
    on_fresh_outcomes: float = 0.0
