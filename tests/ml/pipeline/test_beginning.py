"""What the monitoring found begins one run, however often it is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ml.config.settings import resolve
from ml.errors import NothingToDoError
from ml.pipeline.identity import begin_for
from ml.pipeline.run import Run
from ml.registry.ledger.entries import TRIGGERED
from ml.registry.ledger.ledger import Ledger
from ml.registry.policy.trigger import WEEKLY, Trigger
from ml.storage.root import Root

DAY = date(2026, 11, 29)
AGE = Trigger("", DAY, {"drift: Age": "Older."}, 7)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root.find(str(tmp_path / "root"))


def begun(root: Root, run_id: str, trigger: Trigger) -> Run:
    run = Run(root, run_id, resolve(environment={}), trigger=trigger)
    run.directory.mkdir(parents=True, exist_ok=True)
    begin_for(run)
    return run


def entries(root: Root) -> list[str]:
    return [event["run_id"] for event in Ledger(root.ledger).events() if event["event"] == TRIGGERED]


def test_a_finding_begins_one_run_and_the_ledger_says_which(root: Root) -> None:
    assert begun(root, "one", AGE).began == "drift of Age"
    (entry,) = Ledger(root.ledger).events()
    assert (entry["run_id"], entry["day"], entry["findings"]) == ("one", "2026-11-29", {"drift: Age": "Older."})
    with pytest.raises(NothingToDoError, match=r"For drift of Age on 2026-11-29 a retraining began already: run one\."):
        begun(root, "two", AGE)
    assert entries(root) == ["one"]


def test_a_try_that_is_repeated_goes_on(root: Root) -> None:
    for _ in range(2):
        begun(root, "one", AGE)
    assert entries(root) == ["one"]


def test_another_finding_and_the_same_after_the_cool_down_begin_another_run(root: Root) -> None:
    begun(root, "one", AGE)
    begun(root, "two", Trigger("", DAY, {"drift: Age": "Older.", "drift: Gender": "More men."}, 7))
    begun(root, "three", Trigger("", date(2026, 12, 6), {"drift: Age": "Older."}, 7))
    assert entries(root) == ["one", "two", "three"]


def test_a_run_by_schedule_or_by_hand_is_noted_with_the_run_only(root: Root) -> None:
    assert begun(root, "weekly", Trigger(WEEKLY)).began == "weekly"
    assert begun(root, "mine", Trigger()).began == "by hand"
    assert begun(root, "mine", Trigger(WEEKLY)).began == "by hand", "a second try does not change why it began"
    assert entries(root) == []
