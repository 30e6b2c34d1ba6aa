"""When a hold begins and by what it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ml.registry.ledger.entries import CONFIRMED, INTENT, PUBLISHED, QUARANTINED, RELEASED, ROLLBACK, WITHDRAWN
from ml.registry.policy.hold import Hold, standing_hold

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
Event = dict[str, Any]


def event(name: str, **facts: Any) -> Event:
    return {"event": name, "at": NOW.isoformat(), "run_id": "r", **facts}


def back(source: int, sha256: str, *, days: float = 28.0, **facts: Any) -> Event:
    facts = {"quarantines": {str(source): sha256}, "until": (NOW + timedelta(days=days)).isoformat(), **facts}
    return event(ROLLBACK, **{"from": source}, target=1, result=source + 1, withdraws={}, reason="It is rude.", **facts)


def held(*events: Event, days: float = 0.0) -> Hold | None:
    return standing_hold(events, now=NOW + timedelta(days=days))


def promoted(number: int, **facts: Any) -> list[Event]:
    begun = event(INTENT, version=number, model_sha256="n", **facts)
    return [begun, event(PUBLISHED, version=number), event(CONFIRMED, version=number)]


def test_it_begins_with_a_rollback_and_says_what_is_to_be_done() -> None:
    assert held() is None
    found = held(back(3, "c"))
    assert found is not None
    assert (found.version, found.model_sha256, found.since) == (3, "c", NOW.isoformat())
    assert found.against().startswith(
        "Held until 2026-12-26 12:00 UTC, since version 3 was gone back from (It is rude)."
    )
    assert "python -m ml release --reason" in found.against()


def test_it_ends_at_its_time() -> None:
    assert held(back(3, "c"), days=27.9) is not None
    assert held(back(3, "c"), days=28) is None
    assert held(back(3, "c", days=0)) is None


def test_a_person_ends_it_and_the_next_rollback_begins_another() -> None:
    released = event(RELEASED, reason="r")
    assert held(back(3, "c"), released) is None
    later = held(back(3, "c"), released, back(5, "e"))
    assert later is not None
    assert later.version == 5


def test_of_two_rollbacks_the_last_one_counts() -> None:
    found = held(back(3, "c"), back(4, "b", days=40))
    assert found is not None
    assert (found.version, found.until) == (4, NOW + timedelta(days=40))


def test_a_candidate_that_is_better_than_the_bad_version_ends_it_once_it_is_confirmed() -> None:
    *begun, confirmed = promoted(5, better_than="c")
    assert held(back(3, "c"), *begun) is not None, "a server may refuse it yet"
    assert held(back(3, "c"), *begun, event(WITHDRAWN, version=5)) is not None
    assert held(back(3, "c"), *begun, confirmed) is None


@pytest.mark.parametrize("facts", [{}, {"better_than": "another"}])
def test_a_promotion_of_another_kind_does_not_end_it(facts: dict[str, str]) -> None:
    assert held(back(3, "c"), *promoted(5, **facts)) is not None


def test_neither_the_quarantine_of_a_candidate_nor_a_rollback_of_older_code_begins_one() -> None:
    assert held(event(QUARANTINED, model_sha256="k", reason="r")) is None
    older = {name: value for name, value in back(3, "c").items() if name not in ("quarantines", "until")}
    assert held(older) is None
