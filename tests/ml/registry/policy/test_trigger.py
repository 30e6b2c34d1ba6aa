"""Why a retraining began, and when the same finding is a reason again."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml.registry.ledger.entries import TRIGGERED, parsed_entry
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.trigger import BY_HAND, WEEKLY, Trigger, begun_by

DAY = date(2026, 11, 29)
FOUND = Trigger("", DAY, {"drift: Age": "Older.", "drift: Gender": "More men.", "fall: AUC": "Lower."}, 7)


def test_it_is_said_in_a_few_words() -> None:
    assert FOUND.text == "drift of Age, Gender; fall of AUC"
    assert (Trigger().text, Trigger(WEEKLY).text) == (BY_HAND, WEEKLY)


def test_findings_travel_as_json() -> None:
    assert Trigger.parse(json.dumps(FOUND.as_dict())) == FOUND
    assert Trigger.parse("weekly") == Trigger(WEEKLY)


@pytest.mark.parametrize(
    "text",
    [
        "monthly",
        "",
        "[]",
        '{"day": "2026-11-29", "findings": {}, "cool_down_days": 7}',
        '{"day": "tomorrow", "findings": {"a": "b"}, "cool_down_days": 7}',
        '{"findings": {"a": "b"}, "cool_down_days": 7}',
        '{"day": "2026-11-29", "findings": ["a"], "cool_down_days": 7}',
        '{"day": "2026-11-29", "findings": {"a": "b"}, "cool_down_days": -1}',
        '{"day": "2026-11-29", "findings": {"a": "b"}, "cool_down_days": 1e12}',
        '{"day": "2026-11-29", "findings": {"a": "b"}, "cool_down_days": Infinity}',
        '{"day": "0001-01-03", "findings": {"a": "b"}, "cool_down_days": 7}',
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Trigger.parse(text)


@pytest.fixture
def events(tmp_path: Path) -> list[dict[str, Any]]:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(TRIGGERED, run_id="one", trigger="drift: Age", day="2026-11-29", findings={"drift: Age": "Older."})
    ledger.append(TRIGGERED, run_id="two", trigger="fall: AUC", day="2026-12-02", findings={"fall: AUC": "Lower."})
    assert ledger.chain().faults == ()
    return ledger.events()


@pytest.mark.parametrize(
    ("key", "days", "run"),
    [
        ("drift: Age", 0, "one"),
        ("drift: Age", 6, "one"),
        ("drift: Age", 7, None),
        ("drift: Gender", 0, None),
        ("fall: AUC", 9, "two"),
        ("fall: AUC", 10, None),
        ("drift: Age", -3, "one"),  # an event of an earlier day that comes late
    ],
)
def test_the_same_finding_is_a_reason_again_after_the_cool_down(
    events: list[dict[str, Any]], key: str, days: int, run: str | None
) -> None:
    found = begun_by(key, DAY + timedelta(days=days), events, cool_down_days=7)
    assert (found["run_id"] if found else None) == run


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"day": "sometime"}, "day is not a day"), ({"findings": ["a"]}, "findings is not an object of texts")],
)
def test_an_entry_of_another_form_is_none(events: list[dict[str, Any]], changed: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        parsed_entry(json.dumps(events[0] | changed).encode())


def test_a_day_far_ahead_holds_nothing_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.append(TRIGGERED, run_id="r", trigger="drift: Age", day="2099-01-01", findings={"drift: Age": "Older."})
    assert begun_by("drift: Age", DAY, ledger.events(), cool_down_days=7) is None
    assert begun_by("drift: Age", date(2098, 12, 30), ledger.events(), cool_down_days=7) is not None


def test_a_name_cannot_steer_a_terminal() -> None:
    found = Trigger.of_findings({"day": "2026-11-29", "findings": {"drift: \x1b[31mAge": "a"}, "cool_down_days": 7})
    assert "\x1b" not in found.text
