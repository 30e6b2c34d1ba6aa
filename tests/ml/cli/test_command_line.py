"""`python -m ml` as a process: one JSON object whatever happens, and no traceback for what a person can mend."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ml.cli.commands import main
from ml.config.settings import resolve
from ml.pipeline.run_record import runs
from ml.storage import run_order
from ml.storage.root import PROJECT, Root

AT_LEAST = resolve(environment={}).judge.at_least


def ml(*arguments: str | bytes, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RETRAIN")}
    return subprocess.run(
        [sys.executable, "-m", "ml", *arguments],
        cwd=PROJECT, env=kept | variables, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def logged(done: subprocess.CompletedProcess[str]) -> str:
    """The lines of the log as one; long ones are broken, and each piece has a time."""
    return " ".join(re.sub(r"^\S+ +(INFO|WARNING|ERROR) +", "", line) for line in done.stderr.splitlines())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "data.source.x=1"], "'data.source' is a value"),
        (["--set", "validate.blocks_above.FOO.BAR=1"], "nothing below it"),
        (["--set", "validate.blocks_above.FOO=2"], "must lie in [0, 1]"),
        (["--raise", "gate.margin=0.5"], "only a threshold in judge.at_least."),
        (["--set", "gate.approval=sometimes"], "may only become stricter than never"),
        (["--raise", "judge.at_least.AUC=0.1"], f"may only go up from {AT_LEAST.AUC}"),
        (["--settings", "/tmp"], "cannot be read as settings"),
        (["--settings", "/nowhere.toml"], "no such settings file"),
        (["--root", "/etc/passwd"], "exists"),
        (["--root", "/proc/nope"], "/proc/nope"),
        (["--run", b"\xff"], "cannot become a directory"),
        (["--run", "a/../b"], "cannot become a directory"),
        (["--run", ""], "cannot become a directory"),
        (["--run", "7"], "would be taken for a version"),
        (["--serving-url", "localhost:1"], "must be empty, or http://HOST:PORT"),
        (["--set", "serving.model=../../escape"], "letters, digits, _ and -"),
        (["--data", "/nowhere.csv"], "no such file"),
        (["--data", "inbox:none.csv"], "no such file"),
    ],
)
def test_a_loop_that_cannot_begin_says_why_in_one_json_object(
    tmp_path: Path, arguments: list[str | bytes], said: str
) -> None:
    done = ml("retrain", "--json", "--root", str(tmp_path), *arguments)
    assert done.returncode == 2, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["outcome"] == "failed"
    assert said in outcome["reasons"][0]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("command", [[], ["retrain"], ["rollback"]])
def test_help_goes_to_stdout_and_what_is_wrong_to_stderr(command: list[str]) -> None:
    done = ml(*command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(" ".join(["usage: python -m ml", *command]))
    wrong = ml(*command, "--no-such-option")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "usage: python -m ml" in wrong.stderr


def test_a_failed_step_leaves_its_result_and_a_mistyped_run_leaves_nothing(tmp_path: Path) -> None:
    root = Root(tmp_path)
    assert ml("ingest", "--run", "r", "--root", str(tmp_path), "--data", "/nowhere.csv").returncode == 2
    result = json.loads((root.run("r") / "results" / "ingest.json").read_text())
    assert (result["outcome"], result["error"]["retry"]) == ("failed", False)
    done = ml("judge", "--run", "tpyo", "--root", str(tmp_path))
    assert done.returncode == 2
    assert "There is no run tpyo" in done.stderr
    assert not root.run("tpyo").exists()


@pytest.mark.parametrize("target", ["other", "../../outside", "nowhere", "here"])
def test_a_link_among_the_runs_is_the_place_of_none(tmp_path: Path, target: str) -> None:
    """It would lead out of the root, or give one directory to two runs."""
    root, outside = Root(tmp_path / "root"), tmp_path / "outside"
    few = ["--root", str(root.path), "--data", "sample", "--set", "data.sample_rows=20"]
    assert ml("ingest", "--run", "other", *few).returncode == 0
    outside.mkdir()
    (root.runs / "here").symlink_to(target)
    for step, options in (("ingest", few), ("validate", few[:2])):
        done = ml(step, "--run", "here", *options)
        assert done.returncode == 2
        assert "here: is a symbolic link, which is never followed." in logged(done)
    assert list(outside.iterdir()) == []
    assert [record.directory.name for record in runs(root)] == ["other"]
    (root.runs / "here").unlink()
    assert ml("ingest", "--run", "here", *few).returncode == 0


def test_a_file_among_the_runs_is_named(tmp_path: Path) -> None:
    root = Root.find(str(tmp_path))
    root.runs.mkdir()
    (root.runs / "notes.txt").touch()
    done = ml("ingest", "--run", "notes.txt", "--root", str(tmp_path), "--data", "sample")
    assert (done.returncode, "notes.txt: is not a directory." in logged(done)) == (2, True)


def test_an_older_run_with_a_number_for_an_id_may_be_repeated(tmp_path: Path) -> None:
    few = ["--run", "7", "--root", str(tmp_path), "--data", "sample", "--set", "data.sample_rows=20"]
    assert ml("ingest", *few).returncode == 2
    assert not Root(tmp_path).run("7").exists()
    Root(tmp_path).run("7").mkdir(parents=True)
    run_order.begin(Root(tmp_path).run("7"))
    assert ml("ingest", *few).returncode == 0


def test_all_letters_of_airflows_run_ids_are_taken(tmp_path: Path) -> None:
    name = "manual__2026-11-30T03:00:00.123456+00:00_aB.~-"
    few = ["--root", str(tmp_path), "--data", "sample", "--set", "data.sample_rows=20"]
    assert ml("ingest", "--run", name, *few).returncode == 0


def test_the_home_directory_and_odd_names_can_be_given_as_data(tmp_path: Path) -> None:
    name = 'it\'s "odd\\name".csv'
    ml("ingest", "--run", "made", "--root", str(tmp_path), "--data", "sample", "--set", "data.sample_rows=20")
    (tmp_path / name).write_bytes((Root(tmp_path).run("made") / "ingest" / "data.csv").read_bytes())
    for run, data in (("tilde", f"~/{name}"), ("plain", str(tmp_path / name))):
        done = ml("ingest", "--run", run, "--root", str(tmp_path), "--data", data, HOME=str(tmp_path))
        assert done.returncode == 0, done.stderr


def test_later_steps_keep_to_the_settings_that_the_run_began_with(tmp_path: Path) -> None:
    begun = ["--run", "r", "--root", str(tmp_path), "--set", "train.epochs=7"]
    assert ml("ingest", *begun, "--data", "sample", "--set", "data.sample_rows=20").returncode == 0
    other = ml("validate", *begun[:4], "--set", "train.epochs=8")
    assert other.returncode == 2
    assert "begun with other settings: train.epochs 7 -> 8" in other.stderr
    same = ml("validate", *begun, "--set", "promote.enabled=false")  # decides nothing, and neither does repeating
    assert "at least 1,000 are needed" in same.stderr


def test_status_and_history_work_on_a_read_only_root(tmp_path: Path) -> None:
    nothing_there = tmp_path / "nothing"
    for question in ("status", "history"):
        done = ml(question, "--json", "--root", str(nothing_there))
        assert done.returncode == 0
        json.loads(done.stdout)
    assert not nothing_there.exists()


def test_old_runs_go_whatever_the_new_ones_come_to(tmp_path: Path) -> None:
    for number in range(5):
        done = ml("ingest", "--run", f"r{number}", "--root", str(tmp_path), "--data", "sample",
                  "--set", "data.sample_rows=20", "--set", "keep.runs=3")  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in Root(tmp_path).runs.iterdir()) == ["r2", "r3", "r4"]


@pytest.mark.parametrize("command", [("rollback",), ("adopt", "1"), ("ledger", "accept")])
@pytest.mark.parametrize("reason", ["", " \t"])
def test_a_reason_must_say_something(
    command: tuple[str, ...], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--root", str(tmp_path), "--reason", reason], io.StringIO())
    assert stopped.value.code == 2
    assert "it is blank: say why" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
