"""What is read of the files that the gateway writes."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ml.config.settings import resolve
from ml.feedback.labelled_rows import labelled_rows
from ml.feedback.reading import Directories, Feedback, read_feedback
from ml.performance.joined import join
from ml.storage.root import Root
from serving.records.journal import Journal
from serving.records.outcome import Outcome
from serving.records.outcome_files import keep
from serving.records.parquet_rows import write_rows
from serving.records.private_files import private_directory
from serving.records.row import RecordedRow

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MODEL = "customer-model"
PREDICTED = RecordedRow("2026-11-02T08:00:00.000000+00:00", "p", 1, MODEL, "3", 0.25, "rest", features={"Age": 40.0})
LISTED = replace(PREDICTED, request_id="l", customer="9", probability=0.75, propensity=0.5, features={"Age": 22.0})


@pytest.fixture
def directories(tmp_path: Path) -> Directories:
    return Directories.of(Root(tmp_path), resolve(environment={}).feedback)


def record(directories: Directories, *rows: RecordedRow) -> None:
    private_directory(directories.record, "--record")
    journal = Journal(directories.record, NOW)
    journal.append(b"".join(row.line() for row in rows))
    journal.close()


def tell(directories: Directories, *outcomes: Outcome) -> None:
    private_directory(directories.outcomes, "--outcomes")
    keep(directories.outcomes, outcomes, by="crm", request_id="r", now=NOW)


def read(directories: Directories) -> Feedback:
    return read_feedback(directories, model=MODEL)


def keys(found: Feedback) -> list[tuple[str, int]]:
    return [(one.request_id, one.row) for one in found.scored]


def test_directories_that_are_not_there_hold_nothing(directories: Directories) -> None:
    found = read(directories)
    assert (found.scored, found.told, dict(found.features)) == ((), (), {})


def test_a_row_of_a_list_is_read_and_a_prediction_only_when_an_outcome_names_it(directories: Directories) -> None:
    record(directories, PREDICTED, replace(PREDICTED, row=2), LISTED)
    assert keys(read(directories)) == [("l", 1)]
    tell(directories, Outcome("p", 2, label="D", date="2026-11-10"))
    found = read(directories)
    assert keys(found) == [("p", 2), ("l", 1)]
    assert [(one.day, one.propensity) for one in found.scored] == [(date(2026, 11, 2), None), (date(2026, 11, 2), 0.5)]
    assert list(found.features) == [("p", 2)]
    assert [(one.key, one.label, one.day) for one in found.told] == [(("p", 2), "D", date(2026, 11, 10))]


def test_an_outcome_that_names_a_customer_alone_finds_her_row(directories: Directories) -> None:
    record(directories, replace(LISTED, propensity=None), replace(LISTED, row=2, customer="10", propensity=None))
    tell(directories, Outcome(customer="9", label="rest", date="2026-11-10"))
    found = read(directories)
    assert keys(found) == [("l", 1)]
    assert found.features["l", 1].features == {"Age": 22.0}


def test_rows_of_another_model_and_without_a_probability_do_not_count(directories: Directories) -> None:
    record(directories, replace(LISTED, model="other"), replace(LISTED, row=2, probability=None))
    assert keys(read(directories)) == []


def test_a_list_that_came_back_stands_in_for_a_record_but_not_for_the_rest_of_its_file(
    directories: Directories,
) -> None:
    returned = Outcome("l", 1, label="D", date="2026-11-10", version="3", probability=0.75, propensity=0.5)
    tell(directories, returned, replace(returned, row=2, label=None, date=None, group="control"))
    found = read(directories)
    assert [(one.row, one.version, one.group, one.is_whole) for one in found.scored] == [
        (1, "3", "", False),
        (2, "3", "control", False),
    ]
    assert len(found.told) == 1
    assert dict(found.features) == {}


def test_the_record_comes_before_a_list_that_came_back(directories: Directories) -> None:
    record(directories, LISTED)
    tell(directories, Outcome("l", 1, label="D", date="2026-11-10", version="4", probability=0.1, propensity=0.9))
    found = read(directories)
    joined = join(found.scored, found.told, target="D", calibrated=lambda _, score: score)
    assert list(joined.customers) == ["3"]
    assert joined.customers["3"].outcome.tolist() == [1.0]


def keep_list(directories: Directories, *rows: RecordedRow, name: str = "0" * 32) -> Path:
    """A kept list with its record, as the page leaves it after a download."""
    place = private_directory(directories.lists, "--lists") / name
    place.mkdir()
    (place / "kept.json").write_text("{}")
    write_rows(rows, place / f"{rows[0].request_id}.parquet")
    return place


def test_a_kept_list_stands_for_its_whole_file_and_comes_before_what_came_back(directories: Directories) -> None:
    keep_list(directories, LISTED, replace(LISTED, row=2, customer="10", propensity=0.1))
    tell(directories, Outcome("l", 1, label="D", date="2026-11-10", version="4", probability=0.1, propensity=0.9))
    found = read(directories)
    assert [(one.request_id, one.row, one.version, one.is_whole) for one in found.scored] == [
        ("l", 1, "3", True),
        ("l", 2, "3", True),
        ("l", 1, "4", False),
    ]
    assert found.features["l", 1].features == {"Age": 22.0}
    assert found.traffic.weeks("3") == []  # it was recorded as traffic, if at all, when it was scored


def test_the_record_comes_before_a_kept_list(directories: Directories) -> None:
    record(directories, LISTED)
    keep_list(directories, replace(LISTED, probability=0.1))
    assert [one.probability for one in read(directories).scored] == [0.75, 0.1]


def test_a_damaged_record_of_a_kept_list_is_counted(directories: Directories) -> None:
    (path,) = keep_list(directories, LISTED).glob("*.parquet")
    path.write_bytes(b"nonsense")
    found = read(directories)
    assert (found.scored, found.unreadable.files) == ((), 1)


def test_what_cannot_be_read_is_counted(directories: Directories) -> None:
    tell(directories, Outcome("l", 1, label="D", date="2026-11-10"))
    (path,) = directories.outcomes.glob("*.outcomes")
    path.write_bytes(path.read_bytes() + b"torn\n")
    assert read(directories).unreadable.lines == 1


def test_a_labelled_row_has_features_and_the_outcome_that_counts(directories: Directories) -> None:
    record(directories, LISTED, replace(LISTED, row=2, customer="10", group="control"))
    tell(directories, Outcome("l", 1, label="rest", date="2026-11-08"), Outcome("l", 2, label="D", date="2026-11-09"))
    tell(directories, Outcome("l", 1, label="D", date="2026-11-10"), Outcome("m", 1, label="D", date="2026-11-10"))
    found = read(directories)
    settled = join(found.scored, found.told, target="D", calibrated=lambda _, score: score).settled
    rows = labelled_rows(found, settled)
    assert [(row.key, row.label, row.customer, row.is_control, row.propensity) for row in rows] == [
        (("l", 1), "D", "9", False, 0.5),
        (("l", 2), "D", "10", True, 0.5),
    ]
    assert rows[0].features == {"Age": 22.0}
