"""The choice of data in the Trigger form: what it lists, in words, and that it takes files that it does not list."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from airflow.sdk.exceptions import ParamValidationError

from retraining.data_choice import MOST_FILES, data_choice


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path))
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def test_the_default_and_what_lies_in_the_inbox_are_listed_newest_first(inbox: Path) -> None:
    for seconds, name in enumerate(("old.csv", "new.xlsx", ".new.xlsx.71", "two words.csv")):
        (inbox / name).touch()
        os.utime(inbox / name, (seconds, seconds))
    (inbox / "directory").mkdir()
    (inbox / "shards").mkdir()
    (inbox / "shards" / "part-0.csv").touch()
    os.utime(inbox / "shards", (0, 0))
    schema = data_choice("sample").schema
    assert schema["enum"] == ["sample", "kaggle", "inbox:new.xlsx", "inbox:old.csv", "inbox:shards", None]
    assert [schema["values_display"][str(value or "null")] for value in schema["enum"]] == [
        "sample: made-up customers, only to try it out",
        "kaggle: downloads the published customer file",
        "new.xlsx: a file in the inbox",
        "old.csv: a file in the inbox",
        "shards: shards in the inbox",
        "as in the settings: sample",
    ]


def test_a_file_that_came_after_the_form_is_taken_and_a_path_is_not(inbox: Path) -> None:
    param = data_choice("kaggle")
    assert "inbox:later.csv" not in param.schema["enum"]
    assert param.resolve("inbox:later.csv") == "inbox:later.csv"
    with pytest.raises(ParamValidationError):
        param.resolve("inbox:../later.csv")


def test_a_file_of_the_settings_is_listed_first_and_a_path_stays_with_them(inbox: Path) -> None:
    assert data_choice("inbox:Train.csv").schema["enum"][0] == "inbox:Train.csv"
    by_path = data_choice("/data/Train.csv")
    assert (by_path.value, by_path.schema["enum"][0]) == (None, None)
    assert by_path.schema["values_display"]["null"] == "as in the settings: /data/Train.csv"


def test_without_an_inbox_and_with_a_full_one_there_is_a_form(inbox: Path) -> None:
    for number in range(MOST_FILES + 1):
        (inbox / f"{number}.csv").touch()
    assert len(data_choice("kaggle").schema["enum"]) == MOST_FILES + 3
    for file in inbox.iterdir():
        file.unlink()
    inbox.rmdir()
    assert data_choice("kaggle").schema["enum"] == ["kaggle", "sample", None]
