"""Paths that are unusual but allowed work; those that cannot work are refused with the reason before the first step."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ml.config.overrides import toml_string
from ml.config.settings import resolve
from ml.data.ingest import ingest
from ml.errors import FinalError, SettingsError
from ml.storage.files import read_json, sha256_tree, write_json
from ml.storage.root import PROJECT, Root

CSV = PROJECT / "docs" / "customers.csv"
SETTINGS = resolve(environment={}).data
NAMES = [
    "a😀.csv",
    os.fsdecode(b"caf\xe9.csv"),
    'with [x] "q" \\ back.csv',
    "a=b #c %d $HOME 'e'.csv",
    "d\x7f.csv",
    " blank .csv",
    "new\nline.csv",
    "-x.csv",
    "5",
    "true",
]


def obtain(source: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    ingest(dataclasses.replace(SETTINGS, source=source), root=Root(tmp_path), out=out)


@pytest.fixture(scope="module")
def training_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from ml.data.sample import write_csv

    file = tmp_path_factory.mktemp("sample") / "sample.csv"
    write_csv(file, rows=50, seed=1)
    return file


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_found(tmp_path: Path, training_file: Path, name: str) -> None:
    file = tmp_path / name
    shutil.copy(training_file, file)
    given = resolve(environment={}, overrides=[f"data.source={toml_string(str(file))}"]).data.source
    assert given == str(file)
    obtain(given, tmp_path)
    assert (tmp_path / "out" / "data.csv").read_bytes() == training_file.read_bytes()


@pytest.mark.parametrize("name", [NAMES[0], NAMES[1], NAMES[2]])
def test_the_command_takes_it_too_and_records_it(tmp_path: Path, training_file: Path, name: str) -> None:
    file, root = tmp_path / name, tmp_path / "root"
    shutil.copy(training_file, file)
    command = [sys.executable, "-m", "ml", "ingest", "--run", "one", "--root", str(root), "--data", str(file)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert read_json(root / "runs" / "one" / "settings.json")["data"]["source"] == str(file)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("", "it is blank"),
        ("   ", "it is blank"),
        ("~nobody-of-that-name/a.csv", "there is no such user"),
        ("x" * 300, "File name too long"),
        ("nowhere.csv", "no such file"),
        ("dangling.csv", "a link to something that does not exist"),
        ("circle.csv", "a link to something that does not exist"),
        ("directory", "no shard is there"),
        ("pipe", "not a regular file"),
    ],
)
def test_what_is_no_file_is_told_with_what_is_there_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, found: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dangling.csv").symlink_to("nowhere.csv")
    Path("circle.csv").symlink_to("circle.csv")
    Path("directory").mkdir()
    os.mkfifo("pipe")
    with pytest.raises(SettingsError) as refused:
        obtain(source, tmp_path)
    assert found in str(refused.value)


def test_the_home_directory_may_be_written_as_a_tilde(
    tmp_path: Path, training_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(training_file.parent))
    obtain("~/sample.csv", tmp_path)


@pytest.mark.parametrize("name", ["a[b]", "a*", "a?", "a\\b", os.fsdecode(b"caf\xe9")])
def test_a_root_in_which_tensorflow_finds_nothing_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FinalError, match="TensorFlow") as refused:
        Root.find(str(tmp_path / name))
    assert "RETRAIN_ROOT" in str(refused.value)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["a b", "a]b", "a%20b", "a#b", "a$HOME", "a'b", "café", "😀", "{a,b}", "a;b", "~"])
def test_any_other_root_is_taken(tmp_path: Path, name: str) -> None:
    assert Root.find(str(tmp_path / name)).path == tmp_path / name


def test_json_and_hashes_take_names_that_are_not_utf_8(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    write_json(tmp_path / "x.json", {"name": name})
    assert read_json(tmp_path / "x.json") == {"name": name}
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / name).write_text("x")
    assert len(sha256_tree(tmp_path / "tree")) == 64
