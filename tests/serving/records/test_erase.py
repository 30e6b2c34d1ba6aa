"""Erasing a customer: everywhere, whole files at a time, and honest about what it cannot know."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serving.gateway.records.options import RecordOptions
from serving.gateway.records.row_store import RowStore
from serving.records.erase import Whom, erase_everywhere
from serving.records.outcome import Outcome
from serving.records.outcome_files import keep, read_outcomes
from serving.records.record_directory import Unreadable, read_record, record_files
from serving.records.row import RecordedRow
from tests.serving.live import ROOT

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def row(request_id: str, number: int, customer: str | None = None) -> RecordedRow:
    when = NOW.isoformat(timespec="microseconds")
    return RecordedRow(when, request_id, number, "m", "7", 0.25, "rest", customer, {"Age": 22.0})


def store_in(directory: Path) -> RowStore:
    directory.mkdir(mode=0o700, exist_ok=True)
    return RowStore(RecordOptions(str(directory), 1.0, 30, 1 << 30, ()))


def rows_in(directory: Path) -> list[tuple[str, int]]:
    return [(found.request_id, found.row) for found in read_record(directory, Unreadable())]


def kept_in(directory: Path) -> list[Outcome]:
    return [found.outcome for found in read_outcomes(directory, Unreadable())]


def erase(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "serving.gateway", "erase", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def both(tmp_path: Path) -> tuple[Path, Path]:
    """A Parquet file and an open journal, and two files of outcomes; customer 466735 is in each."""
    record, outcomes = tmp_path / "record", tmp_path / "outcomes"
    first = store_in(record)
    first.append([row("list", 2, "466735"), row("list", 3, "12"), row("asked", 1)])
    first.close()
    second = store_in(record)
    second.append([row("later", 2, "466735"), row("later", 3, "13")])
    outcomes.mkdir(mode=0o700)
    told = Outcome(customer="466735", label="D", date="2026-11-01")
    keep(outcomes, [told, Outcome(customer="12", label="rest", date="2026-11-01")], by="-", request_id="o1", now=NOW)
    by_row = Outcome(request_id="list", row=2, label="D", date="2026-11-02")
    keep(outcomes, [by_row], by="-", request_id="o2", now=NOW)
    return record, outcomes


def test_a_customer_is_erased_everywhere_also_where_only_a_row_is_named(both: tuple[Path, Path]) -> None:
    record, outcomes = both
    ended = erase("--id=466735", f"--record={record}", f"--outcomes={outcomes}")
    assert ended.returncode == 0, ended.stderr
    assert rows_in(record) == [("list", 3), ("asked", 1), ("later", 3)]
    assert kept_in(outcomes) == [Outcome(customer="12", label="rest", date="2026-11-01")]
    assert not [path for path in (*record.iterdir(), *outcomes.iterdir()) if b"466735" in path.read_bytes()]
    said = ended.stdout
    assert f"{record}: erased 2 rows in 2 files." in said
    assert "1 row left there without a customer's identifier; whose they are is not known" in said
    assert f"{outcomes}: erased 2 outcomes in 2 files." in said
    assert "lists that somebody downloaded or has open on the page, backups, the training data" in said


@pytest.mark.parametrize(("written", "named"), [("466735.0", "466735"), ("466735", " 466735.0 ")])
def test_an_identifier_is_found_however_a_file_wrote_it(tmp_path: Path, written: str, named: str) -> None:
    record, outcomes = tmp_path / "record", tmp_path / "outcomes"
    store = store_in(record)
    store.append([row("list", 2, written), row("list", 3, "4667350")])
    store.close()
    outcomes.mkdir(mode=0o700)
    told = [
        Outcome(customer=written, label="D", date="2026-11-01"),
        Outcome(customer="1", label="D", date="2026-11-01"),
    ]
    keep(outcomes, told, by="-", request_id="o", now=NOW)
    done = erase("--id", named, "--record", str(record), "--outcomes", str(outcomes))
    assert done.returncode == 0, done.stderr
    assert rows_in(record) == [("list", 3)]
    assert [found.customer for found in kept_in(outcomes)] == ["1"]


def test_a_row_of_a_request_is_erased_and_nothing_else(both: tuple[Path, Path]) -> None:
    record, outcomes = both
    assert erase("--row=asked:1", f"--record={record}").returncode == 0
    assert rows_in(record) == [("list", 2), ("list", 3), ("later", 2), ("later", 3)]
    assert len(kept_in(outcomes)) == 3


def test_erasing_twice_changes_nothing_more(both: tuple[Path, Path]) -> None:
    record, outcomes = both
    erase_everywhere(record, outcomes, Whom("466735"))
    before = {path: path.read_bytes() for path in (*record.iterdir(), *outcomes.iterdir())}
    again, more, _ = erase_everywhere(record, outcomes, Whom("466735"))
    assert (again.rows, more.rows) == (0, 0)
    assert before == {path: path.read_bytes() for path in (*record.iterdir(), *outcomes.iterdir())}


def test_the_same_upload_does_not_bring_an_erased_customer_back(tmp_path: Path) -> None:
    outcomes = tmp_path / "outcomes"
    outcomes.mkdir(mode=0o700)
    upload = [Outcome(customer="466735", label="D", date="2026-11-01")]
    keep(outcomes, upload, by="-", request_id="o", now=NOW)
    erase_everywhere(None, outcomes, Whom("466735"))
    assert keep(outcomes, upload, by="-", request_id="o", now=NOW).is_repeated
    assert kept_in(outcomes) == []


def test_lines_that_cannot_be_read_stay_and_are_told_as_not_searched(tmp_path: Path) -> None:
    record = tmp_path / "record"
    record.mkdir(mode=0o700)
    newer = b'{"at": "2027-01-01", "customer": "466735"}\n'
    path = record / "20261129T120000000000Z-00.jsonl"
    path.write_bytes(row("list", 2, "466735").line() + newer + row("list", 3, "12").line())
    erased, _, _ = erase_everywhere(record, None, Whom("466735"))
    assert (erased.rows, erased.unreadable.lines) == (1, 1)
    assert path.read_bytes() == newer + row("list", 3, "12").line()


def test_a_writer_goes_on_in_a_new_journal(tmp_path: Path) -> None:
    record = tmp_path / "record"
    store = store_in(record)
    store.append([row("list", 2, "466735"), row("list", 3, "12")])
    erase_everywhere(record, None, Whom("466735"))
    store.append([row("list", 4, "13")])
    assert sorted(rows_in(record)) == [("list", 3), ("list", 4)]
    store.close()
    assert sorted(rows_in(record)) == [("list", 3), ("list", 4)]
    assert {path.suffix for path in record_files(record)} == {".parquet"}


def test_what_is_left_keeps_its_propensity_and_group(tmp_path: Path) -> None:
    record = tmp_path / "record"
    left = [
        replace(row("list", 3, "12"), propensity=0.02, group="explored"),
        replace(row("list", 4, "13"), propensity=0.0),
    ]
    for ends in (True, False):
        store = store_in(record)
        store.append([replace(row("list", 2, "466735"), propensity=1.0), *left])
        if ends:
            store.close()
    erase_everywhere(record, None, Whom("466735"))
    assert [*read_record(record, Unreadable())] == [*left, *left]


def test_what_cannot_be_searched_is_told_and_the_status_says_so(both: tuple[Path, Path]) -> None:
    record, _ = both
    (record / "20261128T000000Z-00.parquet").write_bytes(b"PAR1 and no more")
    ended = erase("--id=466735", f"--record={record}")
    assert ended.returncode == 1
    assert "0 lines and 1 file there cannot be read, and were not searched: remove them by hand." in ended.stdout
    assert ("list", 2) not in rows_in(record)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "name whom to erase"),
        (("--id=1",), "name where to erase"),
        (("--row=abc", "--record=x"), "'abc' is not a request and a row"),
        (("--id=1", "--record=/nowhere"), "/nowhere is no directory"),
    ],
)
def test_a_wrong_command_line_is_told(arguments: tuple[str, ...], says: str) -> None:
    ended = erase(*arguments)
    assert ended.returncode in (1, 2)
    assert says in ended.stderr
