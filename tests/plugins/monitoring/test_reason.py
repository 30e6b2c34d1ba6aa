"""Why a run began, as its tasks say it to `ml`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from retraining.monitoring.asset import CUSTOMER_DRIFT
from retraining.monitoring.reason import trigger_option

NOW = datetime(2026, 11, 29, 6, tzinfo=UTC)
ASKED = {"day": "2026-11-29", "findings": {"drift: Age": "Older."}, "cool_down_days": 7}


def context(kind: str, *extras: Any) -> Any:
    events = [SimpleNamespace(extra=extra, timestamp=NOW + timedelta(days=n)) for n, extra in enumerate(extras)]
    return {
        "dag_run": SimpleNamespace(run_type=kind),
        "triggering_asset_events": {CUSTOMER_DRIFT: events} if events else {},
    }


@pytest.mark.parametrize(
    ("kind", "said"),
    [("scheduled", "weekly"), ("manual", "by hand"), ("operator_triggered", "by hand"), ("asset_triggered", "by hand")],
)
def test_without_findings_a_word_says_it(kind: str, said: str) -> None:
    assert trigger_option(context(kind)) == [f"--trigger={said}"]


def test_an_event_hands_on_what_was_found() -> None:
    (option,) = trigger_option(context("asset_triggered", ASKED))
    assert json.loads(option.removeprefix("--trigger=")) == ASKED


def test_of_several_events_the_newest_counts() -> None:
    newer = ASKED | {"day": "2026-12-06"}
    (option,) = trigger_option(context("asset_triggered", ASKED, newer))
    assert json.loads(option.removeprefix("--trigger=")) == newer


@pytest.mark.parametrize("extra", [{}, {"findings": {}}, {"from_rest_api": True}])
def test_an_event_that_a_person_made_is_by_hand(extra: dict[str, Any]) -> None:
    assert trigger_option(context("asset_triggered", extra)) == ["--trigger=by hand"]
