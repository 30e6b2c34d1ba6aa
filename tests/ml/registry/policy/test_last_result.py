"""Which run's result counts when the next one asks whether anything is new."""

from __future__ import annotations

from typing import Any

import pytest

from ml.registry.ledger.entries import CONFIRMED, INTENT, PUBLISHED, REFUSED, REJECTED, SAME, WAITING, WITHHELD
from ml.registry.policy.last_result import last_result


def event(name: str, **facts: Any) -> dict[str, Any]:
    return {"event": name, "at": "2026-11-28T12:00:00+00:00", "run_id": f"run-{name}"} | facts


def promoted(number: int, fingerprint: str, **facts: Any) -> list[dict[str, Any]]:
    begun = event(INTENT, version=number, fingerprint=fingerprint, **facts)
    return [begun, event(PUBLISHED, version=number), event(CONFIRMED, version=number)]


def counted(
    events: list[dict[str, Any]], *, champion: int | None, on: bool = True, approval: str = "never"
) -> str | None:
    last = last_result(events, champion=champion, promotion_is_on=on, approval=approval)
    return last.fingerprint if last else None


def test_what_was_withheld_counts_only_while_promotion_stays_off() -> None:
    events = [*promoted(1, "a"), event(WITHHELD, champion=1, fingerprint="b")]
    assert counted(events, champion=1, on=False) == "b"
    assert counted(events, champion=1, on=True) == "a", "so b runs again"
    assert counted(events[3:], champion=None, on=True) is None


def test_what_a_hold_stopped_runs_again_when_it_has_ended() -> None:
    events = [*promoted(1, "a"), event(WITHHELD, champion=1, fingerprint="b", codes=["hold", "better"])]
    for is_held, on, expected in ((True, True, "b"), (False, True, "a"), (False, False, "b")):
        last = last_result(events, champion=1, promotion_is_on=on, approval="never", is_held=is_held)
        assert last is not None
        assert last.fingerprint == expected


def test_what_a_quarantine_stopped_would_be_stopped_again() -> None:
    events = [*promoted(1, "a"), event(WITHHELD, champion=1, fingerprint="b", codes=["quarantined", "better"])]
    assert counted(events, champion=1, on=True) == "b"


@pytest.mark.parametrize("name", [REJECTED, SAME, WITHHELD])
def test_what_was_judged_beside_a_champion_counts_only_beside_that_one(name: str) -> None:
    events = [*promoted(1, "a"), event(name, champion=1, fingerprint="b")]
    assert counted(events, champion=1, on=False) == "b"
    assert counted(events, champion=2, on=False) is None
    assert counted([event(name, champion=None, fingerprint="b")], champion=None, on=False) == "b"


@pytest.mark.parametrize(("asked_from", "counts_under"), [("unsure", {"unsure", "always"}), ("always", {"always"})])
@pytest.mark.parametrize("refused", [False, True])
def test_what_waits_or_was_refused_counts_only_while_somebody_would_be_asked(
    asked_from: str, counts_under: set[str], refused: bool
) -> None:
    about = {"run_id": "r", "model_sha256": "m"}
    waits = event(WAITING, champion=1, fingerprint="b", asked_from=asked_from, **about)
    events = [*promoted(1, "a"), waits, *([event(REFUSED, reason="no", **about)] if refused else [])]
    for approval in ("never", "unsure", "always"):
        assert counted(events, champion=1, approval=approval) == ("b" if approval in counts_under else "a")
    assert counted(events, champion=2, approval="always") is None, "beside another champion it is judged anew"
    last = last_result(events, champion=1, promotion_is_on=True, approval="always")
    assert last is not None
    assert (last.run_id, last.event) == ("r", REFUSED if refused else WAITING)


def test_a_rollback_is_not_the_result_of_a_run() -> None:
    rollback = [event(INTENT, version=3, rollback_of=1), event(PUBLISHED, version=3), event(CONFIRMED, version=3)]
    assert counted([*promoted(1, "a"), *promoted(2, "b"), *rollback], champion=3) == "b"


def test_the_run_is_named() -> None:
    last = last_result(
        [event(SAME, champion=None, fingerprint="b")], champion=None, promotion_is_on=True, approval="never"
    )
    assert last is not None
    assert (last.run_id, last.event, last.at) == ("run-same", SAME, "2026-11-28T12:00:00+00:00")
    assert last_result([], champion=None, promotion_is_on=True, approval="never") is None
