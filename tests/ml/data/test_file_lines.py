"""Line numbers for messages: those that an editor shows, whatever stands between."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.data.csv_reader import read_batches
from ml.data.file_lines import broken_lines, lines_with
from ml.errors import DataError


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_blank_lines_and_quoted_line_ends_count_as_in_an_editor(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "", "ID,Note,Age", "1,x,20", "", '2,"two', 'lines",999', "3,y, 999 ", "4,z,30")
    assert lines_with(file, "Age", "999".__eq__) == [(5, "999"), (7, "999")]
    assert lines_with(file, "Nothing", "999".__eq__) == []


def test_a_line_of_blanks_before_the_header_is_not_taken_for_it(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "  ", "ID,Note,Age", "1,x,999", "2,y", "3,z,30")
    assert lines_with(file, "Age", "999".__eq__) == [(3, "999")]
    assert broken_lines(file) == [4]


def test_broken_rows_are_named_by_line_in_the_users_file(tmp_path: Path) -> None:
    file = write(tmp_path / "data.csv", "ID,Gender,Age", "1,Male,20", "", "2,Male", "3,Male,22,23", "4,Male,20")
    assert broken_lines(file) == [4, 5]
    with pytest.raises(DataError) as error:
        list(read_batches(file, name="inbox:mine.csv"))
    assert error.value.what.startswith("inbox:mine.csv: 2 broken rows: line 4: 2 fields instead of 3")
    assert "; line 5: 4 fields instead of 3" in error.value.what


def test_at_most_three_lines_are_named(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "ID,Age", *["1,2,3"] * 10)
    assert broken_lines(file) == [2, 3, 4]
    assert [line for line, _ in lines_with(file, "Age", "2".__eq__)] == [2, 3, 4]
