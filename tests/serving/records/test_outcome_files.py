"""Files of outcomes: an upload that comes again changes nothing, unless something else was said meanwhile."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serving.records.erase import Whom, erase_everywhere
from serving.records.outcome import Outcome
from serving.records.outcome_files import Kept, keep, outcome_files, read_outcomes
from serving.records.record_directory import Unreadable

BY_CUSTOMER = Outcome(customer="flip", label="D", date="2026-11-20")
BY_ROW = Outcome("list", 2, label="D", date="2026-11-20")
BOTH = Outcome("list", 2, "flip", "D", "2026-11-20")


class Directory:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._now = datetime(2026, 11, 29, 12, tzinfo=UTC)

    def keep(self, *outcomes: Outcome) -> Kept:
        self._now += timedelta(seconds=1)
        return keep(self.path, outcomes, by="crm", request_id="r", now=self._now)

    def told(self) -> list[Outcome]:
        return [each.outcome for each in read_outcomes(self.path, Unreadable())]


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path)


@pytest.mark.parametrize(
    ("first", "between"),
    [
        (BY_CUSTOMER, replace(BY_CUSTOMER, label="rest")),
        (BY_ROW, replace(BY_ROW, label="rest")),
        (BOTH, replace(BY_CUSTOMER, label="rest")),
        (BY_ROW, replace(BOTH, label="rest")),
        (BY_CUSTOMER, replace(BY_ROW, label="rest")),  # whose row it is, only the record knows
        (BY_ROW, replace(BY_CUSTOMER, label="rest")),
    ],
)
def test_a_correction_that_is_taken_back_comes_last(directory: Directory, first: Outcome, between: Outcome) -> None:
    before, _, after = directory.keep(first), directory.keep(between), directory.keep(first)
    assert not after.is_repeated
    assert after.name > before.name
    assert directory.told() == [first, between, first]
    assert directory.keep(first) == Kept(after.name, is_repeated=True)
    assert not directory.keep(between).is_repeated
    assert directory.told() == [first, between, first, between]


@pytest.mark.parametrize(
    "between",
    [
        replace(BOTH, customer="other", row=3, label="rest"),
        replace(BOTH, date="2026-11-19", label="rest"),
        replace(BOTH, label=None, date=None),
        BY_ROW,
    ],
)
def test_what_says_nothing_else_of_the_same_changes_nothing(directory: Directory, between: Outcome) -> None:
    first = directory.keep(BOTH)
    directory.keep(between)
    assert directory.keep(BOTH) == Kept(first.name, is_repeated=True)
    assert len(outcome_files(directory.path)) == 2


def test_what_is_kept_anew_does_not_bring_an_erased_customer_back(directory: Directory) -> None:
    erased = Outcome(customer="466735", label="D", date="2026-11-20")
    directory.keep(BY_CUSTOMER, erased)
    erase_everywhere(None, directory.path, Whom("466735"))
    directory.keep(replace(BY_CUSTOMER, label="rest"))
    assert not directory.keep(BY_CUSTOMER, erased).is_repeated
    assert [(each.customer, each.label) for each in directory.told()] == [
        ("flip", "D"),
        ("flip", "rest"),
        ("flip", "D"),
    ]
