"""What a command of the local stack was asked for: data, force; and how it reports an error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ml.registry.ledger.ledger import Ledger
from ml.storage.root import PROJECT, Root
from stack.local.data_source import DataSource, dag_run_conf, find_data_source, is_forced
from stack.local.demo import demo_root
from stack.local.errors import StackError, run_command


def test_a_file_comes_first_and_is_copied_into_the_inbox(tmp_path: Path) -> None:
    file = tmp_path / "my customers.csv"
    file.write_text("ID\n1\n")
    choice = find_data_source(str(file), Root(tmp_path / "root"))
    assert choice.setting == "inbox:my_customers.csv"
    assert (tmp_path / "root" / "inbox" / "my_customers.csv").read_text() == "ID\n1\n"
    assert "as you asked" in choice.reason
    again = find_data_source(str(tmp_path / "root" / "inbox" / "my_customers.csv"), Root(tmp_path / "root"))
    assert again.setting == choice.setting


def test_a_missing_file_is_an_error_and_not_a_reason_for_other_data(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"DATA=/tmp: a directory"):
        find_data_source("/tmp", Root(tmp_path))
    assert find_data_source("sample", Root(tmp_path)).setting == "sample"
    with pytest.raises(StackError, match=r"DATA=~nobody-of-that-name/a\.csv: there is no such user"):
        find_data_source("~nobody-of-that-name/a.csv", Root(tmp_path))
    with pytest.raises(StackError, match=r"DATA=x+: File name too long"):
        find_data_source("x" * 300, Root(tmp_path))
    with pytest.raises(StackError, match=r"DATA=/nowhere\.csv: no such file"):
        find_data_source("/nowhere.csv", Root(tmp_path))


def test_credentials_decide_between_kaggle_and_the_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("KAGGLE")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    sample = find_data_source(None, Root(tmp_path))
    assert sample.setting == "sample"
    assert "no Kaggle credentials" in sample.reason
    monkeypatch.setenv("KAGGLE_API_TOKEN", "t0ken")
    kaggle = find_data_source("", Root(tmp_path))
    assert kaggle.setting == "kaggle"
    assert "KAGGLE_API_TOKEN" in kaggle.reason
    assert "t0ken" not in kaggle.reason


def test_the_sample_is_no_choice_where_a_model_of_real_data_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("KAGGLE")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    root = Root(tmp_path)
    for number, (source, setting) in enumerate([("sample:8000 rows, seed 3", "sample"), ("inbox:a.csv", "kaggle")], 1):
        Ledger(root.ledger).append("intent", run_id="r", version=number, model_sha256="0" * 64, source=source)
        Ledger(root.ledger).append("confirmed", run_id="r", version=number)
        assert find_data_source(None, root).setting == setting
    assert "Version 2 was trained on a file of your own" in find_data_source(None, root).reason
    assert "runs stop at ingest" in find_data_source(None, root).reason
    assert find_data_source("sample", root).setting == "sample", "asked for; ingest refuses it"


def test_the_demo_has_a_root_of_its_own_unless_one_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RETRAIN_ROOT", raising=False)
    assert demo_root().path == PROJECT / "var" / "demo"
    monkeypatch.setenv("RETRAIN_ROOT", "/tmp")
    assert demo_root().path == Path("/tmp")


def test_the_conf_of_a_run_holds_only_what_was_asked_for() -> None:
    assert dag_run_conf(None, force=False) == {}
    assert dag_run_conf(DataSource("inbox:a.csv", "as you asked"), force=True) == {"data": "inbox:a.csv", "force": True}


def test_a_known_error_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> int:
        raise StackError("Port 8501 is in use.")

    assert run_command(main) == 1
    assert capsys.readouterr().err == "error: Port 8501 is in use.\n"


def test_force_is_a_yes_or_a_no_in_any_usual_form(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, forced in (("", False), ("0", False), ("1", True), ("yes", True), ("TRUE", True)):
        monkeypatch.setenv("FORCE", said)
        assert is_forced() is forced
    monkeypatch.setenv("FORCE", "perhaps")
    with pytest.raises(StackError, match="FORCE=perhaps is neither yes nor no"):
        is_forced()
