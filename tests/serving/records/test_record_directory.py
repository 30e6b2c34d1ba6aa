"""Files of the record: what a kill or a full disk leaves is read, what is too old goes, and nobody else may look."""

import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from serving.gateway.records.options import RecordOptions
from serving.gateway.records.row_store import RowStore
from serving.records.private_files import DirectoryError, private_directory
from serving.records.record_directory import Unreadable, read_record, record_files, retain, settle
from serving.records.row import RecordedRow

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def row(number: int, **features: float | str | None) -> RecordedRow:
    when = NOON.isoformat(timespec="microseconds")
    return RecordedRow(when, "r", number, "m", "7", 0.25, "rest", f"c{number}", features or {"Age": 22.0})


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def store_in(directory: Path, clock: Clock, *, days: int = 30, most_bytes: int = 1 << 30) -> RowStore:
    directory.mkdir(mode=0o700, exist_ok=True)
    return RowStore(RecordOptions(str(directory), 1.0, days, most_bytes, ()), clock)


def read(directory: Path) -> tuple[list[RecordedRow], Unreadable]:
    unreadable = Unreadable()
    return [*read_record(directory, unreadable)], unreadable


def end_as_a_kill_does(store: RowStore) -> None:
    assert store._journal is not None
    os.close(store._journal._handle)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A disk that takes so many bytes in one file; the error is another one than that of a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_rows_are_the_same_in_a_journal_and_in_parquet(tmp_path: Path) -> None:
    rows = [row(1, Age=22.0, Gender="Male"), row(2, Age=None, Gender=""), row(3, Age=-1.5, Gender="\u2728")]
    store = store_in(tmp_path / "record", Clock())
    store.append(rows)
    journal, _ = read(tmp_path / "record")
    store.close()
    assert [path.suffix for path in record_files(tmp_path / "record")] == [".parquet"]
    parquet, unreadable = read(tmp_path / "record")
    assert journal == rows
    assert parquet == [rows[0], row(2, Gender=""), rows[2]]  # what was not sent, and null, are both missing
    assert unreadable == Unreadable()


def test_a_row_of_a_list_keeps_propensity_and_group_in_a_journal_and_in_parquet(tmp_path: Path) -> None:
    rows = [
        replace(row(1), propensity=0.0, group="control"),
        replace(row(2), propensity=0.02, group="explored"),
        row(3),
    ]
    store = store_in(tmp_path / "record", Clock())
    store.append(rows)
    assert read(tmp_path / "record")[0] == rows
    store.close()
    assert [path.suffix for path in record_files(tmp_path / "record")] == [".parquet"]
    assert read(tmp_path / "record") == (rows, Unreadable())


def test_files_from_before_lists_were_recorded_are_read(tmp_path: Path) -> None:
    directory = tmp_path / "record"
    store = store_in(directory, Clock())
    store.append([row(1), row(2)])
    store.close()
    (path,) = record_files(directory)
    pq.write_table(pq.read_table(path).drop(["propensity", "group"]), path)
    line = row(3).line().replace(b', "propensity": null, "group": null', b"")
    assert b"propensity" not in line
    (directory / "20261130T000000000000Z-00.jsonl").write_bytes(line)
    assert read(directory) == ([row(1), row(2), row(3)], Unreadable())


def test_columns_of_parquet_have_types_and_those_of_features_a_name_of_their_own(tmp_path: Path) -> None:
    store = store_in(tmp_path / "record", Clock())
    store.append([row(1, Age=22.0, row="A", mixed=1.0), row(2, Age=None, row="B", mixed="x")])
    store.close()
    schema = pq.read_schema(record_files(tmp_path / "record")[0])
    found = {name: str(schema.field(name).type) for name in schema.names}
    assert found == {
        "time": "timestamp[us, tz=UTC]",
        "request_id": "string",
        "row": "int64",
        "model": "string",
        "version": "string",
        "probability": "double",
        "label": "string",
        "customer": "string",
        "propensity": "double",
        "group": "string",
        "feature.Age": "double",
        "feature.row": "string",
        "feature.mixed": "string",
    }


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        directory = private_directory(tmp_path / "record", "--record")
        store = store_in(directory, Clock())
        store.append([row(1)])
        modes = {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
        store.close()
        modes |= {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
    finally:
        os.umask(umask)
    assert modes == {0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    directory.chmod(0o750)
    with pytest.raises(DirectoryError, match="readable there by others"):
        private_directory(directory, "--record")


@pytest.mark.parametrize("torn", [b'{"time": "2026', b"\0" * 50, b"[1, 2]\n", b'{"time": "x"}\n', b'"\xff"\n'])
def test_a_torn_line_is_left_out_and_told(tmp_path: Path, torn: bytes) -> None:
    directory = tmp_path / "record"
    store = store_in(directory, Clock())
    store.append([row(1), row(2)])
    end_as_a_kill_does(store)
    (path,) = record_files(directory)
    with path.open("ab") as file:
        file.write(torn)
    assert read(directory) == ([row(1), row(2)], Unreadable(lines=1))
    settle(directory)
    is_whole = torn.endswith(b"\n")  # newer code may have written it
    for _ in range(2):
        assert read(directory) == ([row(1), row(2)], Unreadable(lines=int(is_whole)))
        unread = path.with_suffix(".unread.jsonl")
        assert record_files(directory) == [path.with_suffix(".parquet"), *([unread] if is_whole else [])]
        settle(directory)


def test_lines_that_could_not_be_read_are_rows_for_code_that_can_and_go_when_they_are_too_old(tmp_path: Path) -> None:
    directory, clock = tmp_path / "record", Clock()
    store = store_in(directory, clock)
    store.append([row(1), row(2), row(3)])
    end_as_a_kill_does(store)
    (path,) = record_files(directory)
    first, *later = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b"".join(later).replace(b'"time"', b'"at"'))
    settle(directory)
    unread = path.with_suffix(".unread.jsonl")
    assert stat.S_IMODE(unread.stat().st_mode) == 0o600
    content = unread.read_bytes()
    unread.write_bytes(content.replace(b'"at"', b'"time"', 1))  # of the two, code of today reads one
    settle(directory)
    assert read(directory) == ([row(1), row(2)], Unreadable(lines=1))
    retain(directory, days=1, most_bytes=1 << 30, now=clock() + timedelta(days=3))
    assert record_files(directory) == []


def test_numbers_of_a_column_in_which_a_text_stood_keep_all_their_digits(tmp_path: Path) -> None:
    ages = [22.123456789, 1234567.0, 22.0, 0.1, -1e300, float("nan"), 2.5e-9]
    store = store_in(tmp_path / "record", Clock())
    store.append([*(row(number, Age=age) for number, age in enumerate(ages)), row(9, Age="old")])
    store.close()
    texts = [str(found.features["Age"]) for found in read(tmp_path / "record")[0]]
    assert texts == ["22.123456789", "1234567", "22", "0.1", "-1e+300", "nan", "2.5e-09", "old"]
    assert [float(text) for text in texts[:5]] == ages[:5]


def test_rows_of_newer_code_are_read_without_what_they_have_more(tmp_path: Path) -> None:
    directory = tmp_path / "record"
    store = store_in(directory, Clock())
    store.append([row(1)])
    end_as_a_kill_does(store)
    (path,) = record_files(directory)
    path.write_bytes(path.read_bytes().replace(b"{", b'{"later": 1, ', 1))
    settle(directory)
    assert read(directory) == ([row(1)], Unreadable())
    assert [path.suffix for path in record_files(directory)] == [".parquet"]


def test_a_journal_in_which_nothing_can_be_read_is_kept_until_it_is_too_old(tmp_path: Path) -> None:
    directory, clock = tmp_path / "record", Clock()
    store = store_in(directory, clock)
    store.append([row(1)])
    end_as_a_kill_does(store)
    (path,) = record_files(directory)
    path.write_bytes(path.read_bytes().replace(b'"time"', b'"at"'))
    settle(directory)
    assert record_files(directory) == [path]
    assert read(directory) == ([], Unreadable(lines=1))
    retain(directory, days=1, most_bytes=1 << 30, now=clock() + timedelta(days=3))
    assert record_files(directory) == []


def test_a_journal_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    store = store_in(tmp_path / "record", Clock())
    store.append([row(1)])
    settle(tmp_path / "record")
    assert [path.suffix for path in record_files(tmp_path / "record")] == [".jsonl"]
    store.append([row(2)])
    store.close()
    assert read(tmp_path / "record")[0] == [row(1), row(2)]


def test_a_kill_between_parquet_and_the_end_of_its_journal_counts_no_row_twice(tmp_path: Path) -> None:
    directory = tmp_path / "record"
    store = store_in(directory, Clock())
    store.append([row(1)])
    journal = record_files(directory)[0]
    content = journal.read_bytes()
    store.close()
    journal.write_bytes(content)
    (directory / f".{journal.stem}.parquet.part").write_bytes(b"half")
    assert read(directory) == ([row(1)], Unreadable())
    settle(directory)
    assert sorted(path.name for path in directory.iterdir()) == [".lock", f"{journal.stem}.parquet"]
    assert read(directory) == ([row(1)], Unreadable())


def test_a_damaged_parquet_file_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    directory = tmp_path / "record"
    store = store_in(directory, Clock())
    store.append([row(1)])
    store.close()
    (directory / "20261128T000000Z-00.parquet").write_bytes(b"PAR1 and no more")
    assert read(directory) == ([row(1)], Unreadable(files=1))


def test_a_full_disk_drops_whole_rows_counts_them_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    directory = tmp_path / "record"
    store = store_in(directory, Clock())
    store.append([row(1)])
    size = record_files(directory)[0].stat().st_size
    with files_of_at_most(size + 20):
        store.append([row(2), row(3)])
        assert (store.written, store.dropped) == (1, 2)
        assert store.trouble == "File too large"
        assert record_files(directory)[0].stat().st_size == size
    store.append([row(4)])
    assert (store.written, store.dropped, store.trouble) == (2, 2, "")
    store.close()
    assert read(directory) == ([row(1), row(4)], Unreadable())


def test_a_day_ends_its_journal_and_rows_go_after_the_days_that_they_may_stay(tmp_path: Path) -> None:
    directory, clock = tmp_path / "record", Clock()
    store = store_in(directory, clock, days=2)
    for number in range(1, 5):
        store.append([row(number)])
        clock.now += timedelta(days=1)
        store.look_after()
        assert {path.suffix for path in record_files(directory)} == {".parquet"}
    assert [found.row for found in read(directory)[0]] == [3, 4]
    clock.now += timedelta(days=3)
    store.look_after()
    assert read(directory)[0] == []


def test_the_oldest_go_when_there_are_too_many_bytes(tmp_path: Path) -> None:
    directory, clock = tmp_path / "record", Clock()
    store = store_in(directory, clock)
    for number in range(1, 6):
        store.append([row(number)])
        clock.now += timedelta(days=1)
    store.close()
    sizes = [path.stat().st_size for path in record_files(directory)]
    left = retain(directory, days=30, most_bytes=sum(sizes[-2:]) + 1, now=clock.now)
    assert [found.row for found in read(directory)[0]] == [4, 5]
    assert left == sum(sizes[-2:]) == sum(path.stat().st_size for path in record_files(directory))
