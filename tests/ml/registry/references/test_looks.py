"""How many looks at the evaluation rows count, and from when on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ml.registry.references.looks import Looks, earlier_looks, last_refresh

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def looked(days_ago: float, **facts: Any) -> dict[str, Any]:
    at = (NOW - timedelta(days=days_ago)).isoformat()
    return {"event": "looked", "at": at, "holdout": "h", "evaluation_sha256": "other", "recipe_is_new": False} | facts


def intent(version: int, decision: str, days_ago: float = 0) -> dict[str, Any]:
    at = (NOW - timedelta(days=days_ago)).isoformat()
    return {"event": "intent", "version": version, "decision": decision, "at": at}


def counted(*events: dict[str, Any], recipe_is_new: bool = False) -> Looks:
    return earlier_looks(events, holdout="h", evaluation="e", recipe_is_new=recipe_is_new, baseline=2, now=NOW)


def test_looks_of_the_last_365_days_count_and_older_ones_do_not() -> None:
    looks = counted(looked(366), looked(364), looked(1))
    assert (looks.last_year, looks.since_champion) == (2, 3)
    assert looks.first_at == looked(366)["at"]


def test_looks_at_other_rows_do_not_count() -> None:
    assert counted(looked(1, holdout="of another salt")).last_year == 0


def test_a_repeated_try_is_the_same_look() -> None:
    assert counted(looked(1, evaluation_sha256="e"), looked(2)).last_year == 1


def test_looks_of_other_settings_are_counted_apart() -> None:
    events = [looked(3), looked(2, recipe_is_new=True), looked(1)]
    ours = counted(*events)
    assert (ours.last_year, ours.of_others) == (2, 1)
    theirs = counted(*events, recipe_is_new=True)
    assert (theirs.last_year, theirs.of_others) == (1, 2)


def test_the_count_begins_anew_with_a_first_or_an_accepted_version_and_not_with_a_better_one() -> None:
    assert counted(looked(9), intent(2, "accepted"), looked(1)).last_year == 1
    assert counted(looked(9), intent(2, "replaces_sample"), looked(1)).last_year == 1
    better = counted(looked(9), intent(2, "better"), looked(1))
    assert (better.last_year, better.since_champion) == (2, 1)


def test_the_last_refresh_is_found() -> None:
    assert last_refresh([intent(1, "first")], "refresh", now=NOW) is None
    events = [intent(2, "refresh", 40), intent(3, "better", 30), intent(4, "refresh", 12)]
    assert last_refresh(events, "refresh", now=NOW) == NOW - timedelta(days=12)
    assert last_refresh([*events, intent(5, "refresh", -3650)], "refresh", now=NOW) == NOW - timedelta(days=12)
