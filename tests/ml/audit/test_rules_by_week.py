"""Which rules spoke in which week: counted by run, by the week of the run, and named as settings and docs name them."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ml.audit.rules_by_week import Rule, rules_by_week
from ml.registry.ledger.ledger import Ledger
from ml.storage.files import write_json
from ml.storage.root import Root
from tests.ml.light_world import command

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)  # a Sunday
WEEKS = (date(2026, 11, 23), date(2026, 11, 16), date(2026, 11, 9))
UNKNOWN = "ENUM_TYPE_UNEXPECTED_STRING_VALUES"


def judged(root: Root, event: str, run_id: str, day: datetime, *codes: str, **more: Any) -> None:
    facts = {"model_sha256": run_id, "codes": list(codes), "reasons": [f"{code}." for code in codes]}
    Ledger(root.ledger, clock=lambda: day).append(event, run_id=run_id, **facts | more)


def examined(root: Root, run_id: str, day: datetime, *findings: tuple[str, str, bool], blocked: bool = False) -> None:
    directory = root.run(run_id)
    (directory / "results").mkdir(parents=True)
    result: dict[str, Any] = {"step": "validate", "outcome": "failed" if blocked else "done", "artifact": {}}
    write_json(directory / "results" / "validate.json", result)
    os.utime(directory / "results" / "validate.json", (day.timestamp(), day.timestamp()))
    place = directory if blocked else directory / "validate"
    place.mkdir(exist_ok=True)
    told = [{"feature": column, "kind": kind, "blocks": blocks} for column, kind, blocks in findings]
    write_json(place / "validation.json", {"rows": 1, "findings": told})


@pytest.fixture
def told(root: Root) -> Root:
    """Three weeks: a quiet one, one with a blocked run, and one with two candidates of which one became a version."""
    this, last, before = (datetime(week.year, week.month, week.day, 3, tzinfo=UTC) for week in WEEKS)
    examined(root, "quiet", before)
    examined(root, "odd", last, ("Profession", UNKNOWN, True), ("Age", "label_leak", False), blocked=True)
    judged(root, "rejected", "bad", this, "worse", "slice_worse", "level")
    judged(root, "waiting", "good", this, "better", "selection_rate_warning")
    judged(root, "intent", "good", this, "approved", "better", "selection_rate_warning", version=1)
    judged(root, "kept", "old", datetime(2020, 1, 1, tzinfo=UTC), "cannot_tell")
    return root


def test_each_rule_is_counted_by_run_and_week_the_gravest_first(told: Root) -> None:
    found = rules_by_week(told, weeks=3, now=NOW)
    assert (found.weeks, found.runs) == (WEEKS, (2, 1, 1))
    assert found.rules == (
        (Rule("blocks", "Profession", UNKNOWN), (0, 1, 0)),
        (Rule("against", "", "slice_worse"), (1, 0, 0)),
        (Rule("against", "", "worse"), (1, 0, 0)),
        (Rule("warns", "", "selection_rate_warning"), (1, 0, 0)),
        (Rule("warns", "Age", "label_leak"), (0, 1, 0)),
        (Rule("for", "", "approved"), (1, 0, 0)),
        (Rule("for", "", "better"), (1, 0, 0)),
    )


def test_a_week_begins_on_monday_at_midnight_utc(root: Root) -> None:
    judged(root, "kept", "sunday", datetime(2026, 11, 22, 23, 59, tzinfo=UTC), "cannot_tell")
    judged(root, "kept", "monday", datetime(2026, 11, 23, tzinfo=UTC), "cannot_tell")
    assert rules_by_week(root, weeks=2, now=NOW).runs == (1, 1)


def test_damaged_reports_are_no_findings(told: Root) -> None:
    (told.run("quiet") / "validate" / "validation.json").write_text('{"findings": [7, {"kind": 3}]')
    write_json(told.run("odd") / "validation.json", {"findings": "none"})
    assert rules_by_week(told, weeks=3, now=NOW).runs == (2, 1, 0)


def test_the_command_prints_a_table_and_json(told: Root, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code, text = command(told, "rules", "--weeks", "400")
    lines = {" ".join(line.split()[:2]): line.split() for line in text.splitlines()[2:]}
    assert (code, lines["against worse"].count("1")) == (0, 1)
    assert "blocks Profession:" in lines
    answer = json.loads(command(told, "rules", "--weeks", "400", "--json")[1])
    assert sum(answer["runs"]) == 5
    assert command(told, "rules", "--weeks", "0")[0] == 2
    assert command(Root(tmp_path / "empty"), "rules") == (0, "No run was examined or judged in these weeks.\n")
