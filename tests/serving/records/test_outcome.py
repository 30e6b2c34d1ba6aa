"""What is no outcome, or no row of the record, is counted and stops nobody."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from serving.records.outcome import NoOutcomeError, Outcome
from serving.records.outcome_files import keep, read_outcomes
from serving.records.record_directory import Unreadable
from serving.records.row import NoRowError, RecordedRow

NOW = datetime(2026, 11, 29, tzinfo=UTC)
TOLD = Outcome("list", 2, "466735", "D", "2026-11-28", "7", 0.75, 0.5, "explored")
ROW = RecordedRow(NOW.isoformat(), "list", 2, "m", "7", 0.75, "D", None, {"Age": 22.0}, 0.5)


def test_an_outcome_comes_back_as_it_was_also_from_newer_code() -> None:
    assert Outcome.of(TOLD.line()) == TOLD
    assert Outcome.of(TOLD.line().replace(b"{", b'{"later": 1, ', 1)) == TOLD


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (b'"2026-11-28"', b'"2026-13-45"'),
        (b'"2026-11-28"', b"20261128"),
        (b'"row": 2', b'"row": [2]'),
        (b'"row": 2', b'"row": true'),
        (b"0.75", b'"x"'),
        (b"0.75", b"NaN"),
        (b"0.5", b"7"),
        (b'"466735"', b"466735"),
    ],
)
def test_an_outcome_with_a_value_that_cannot_be_is_none(value: bytes, wrong: bytes) -> None:
    line = TOLD.line().replace(value, wrong)
    assert line != TOLD.line()
    with pytest.raises(NoOutcomeError):
        Outcome.of(line)


@pytest.mark.parametrize("line", [b"[" * 100_000, b"[]\n", b"1\n", b"", b"{}x"])
def test_what_is_no_object_is_neither_an_outcome_nor_a_row(line: bytes) -> None:
    with pytest.raises(NoOutcomeError):
        Outcome.of(line)
    with pytest.raises(NoRowError):
        RecordedRow.of(line)


def test_a_row_with_a_propensity_that_cannot_be_is_none() -> None:
    assert RecordedRow.of(ROW.line()) == ROW
    with pytest.raises(NoRowError):
        RecordedRow.of(ROW.line().replace(b'"propensity": 0.5', b'"propensity": 7'))


def test_a_file_that_does_not_say_when_it_came_is_counted_and_left_out(tmp_path: Path) -> None:
    keep(tmp_path, [TOLD], by="-", request_id="o", now=NOW)
    (path,) = tmp_path.glob("*.outcomes")
    unreadable = Unreadable()
    assert [kept.outcome for kept in read_outcomes(tmp_path, unreadable)] == [TOLD]
    path.write_bytes(path.read_bytes().replace(NOW.isoformat().encode(), b"yesterday"))
    assert [*read_outcomes(tmp_path, unreadable)] == []
    assert unreadable == Unreadable(files=1)
