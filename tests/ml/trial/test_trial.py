"""`python -m ml try`: worse is called worse, no change no difference; the holdout is not read, nothing is written."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from ml.artifacts import Accepted
from ml.config.settings import resolve
from ml.data.csv_reader import read_columns
from ml.data.sample import write_csv
from ml.errors import FinalError
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.storage.files import sha256_tree
from ml.storage.root import PROJECT, Root
from ml.training.split import is_eval, profile_hashes
from ml.trial.change import change
from ml.trial.training_side import of_last_run
from ml.trial.trial import try_change
from tests.ml.light_world import command

pytestmark = pytest.mark.usefixtures("libraries")
SALT = "of-the-run"
Row = list[str]


@pytest.fixture(scope="module")
def small_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "small.csv"
    write_csv(path, rows=1600, seed=5)
    return path


@pytest.fixture(autouse=True)
def few_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRAIN__TRAIN__EPOCHS", "3")


def begun(root: Root, data: Path, *overrides: str, run: str = "begun") -> Run:
    """A run whose data were accepted, and which came no further."""
    settings = resolve(overrides=[f"data.source={str(data)!r}", *overrides], environment={})
    made = Run(root, run, settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        run_step("ingest", made)
        run_step("validate", made)
    return made


def test_a_change_for_the_worse_is_called_worse_and_the_root_stays_as_it_was(root: Root, small_csv: Path) -> None:
    begun(root, small_csv)
    before = sha256_tree(root.path)
    code, answer = command(root, "try", "--set", "train.learning_rate=1e-6", "--folds", "3", "--json")
    found = json.loads(answer)
    assert (code, found["answer"]) == (0, "worse"), found["sentence"]
    assert found["sentence"].startswith("worse: -0.")
    assert found["metrics"]["AUC"]["high"] < 0
    assert found["changed"] == {"train.learning_rate": {"now": 0.001, "tried": 1e-6}}
    assert sha256_tree(root.path) == before


def test_settings_that_do_the_same_make_no_difference(root: Root, small_csv: Path) -> None:
    begun(root, small_csv)
    code, answer = command(root, "try", "--set", "train.patience=400", "--folds", "2", "--repeats", "1")
    assert code == 0
    assert answer.splitlines()[0] == "train.patience 5 -> 400"
    assert answer.splitlines()[-1] == "no difference: the AUC is the same in each of the 2 splits."


def test_the_settings_of_now_need_no_trial(root: Root) -> None:
    code, answer = command(root, "try", "--set", "train.epochs=3")
    assert (code, answer.splitlines()[-1]) == (0, "no difference: these are the settings of now.")
    assert not list(root.path.iterdir())


def edited(source: Path, out: Path, edit: Callable[[Row, bool], Row | None]) -> Path:
    """A copy in which each row went through `edit`, which learns whether it is on the evaluation side."""
    columns = read_columns(source)
    settings = resolve(environment={}).transform
    held = is_eval(profile_hashes(columns, settings.salt), settings.eval_share)
    with source.open(newline="") as file:
        head, *rows = list(csv.reader(file))
    with out.open("w", newline="") as file:
        kept = [edit(row, bool(is_held)) for row, is_held in zip(rows, held, strict=True)]
        csv.writer(file).writerows([head, *(row for row in kept if row is not None)])
    return out


@pytest.mark.parametrize(
    "edit",
    [
        lambda row, held: [*row[:-1], "A" if row[-1] == "D" else "D"] if held else row,
        lambda row, held: None if held else row,
    ],
    ids=["other labels", "no such rows"],
)
def test_the_evaluation_rows_do_not_influence_a_trial(
    tmp_path: Path, small_csv: Path, edit: Callable[[Row, bool], Row | None]
) -> None:
    wanted = change(["train.learning_rate=0.01"])
    found = []
    for name, data in (("as-it-is", small_csv), ("edited", edited(small_csv, tmp_path / "edited.csv", edit))):
        root = Root.find(str(tmp_path / name))
        begun(root, data)
        found.append(try_change(root, wanted, with_source=False, folds=2, repeats=1))
    assert found[0].metrics == found[1].metrics
    assert found[0].customers == found[1].customers < 1600 * 0.9


def test_a_training_label_does_influence_it(tmp_path: Path, small_csv: Path) -> None:
    """Or else the test above would prove nothing."""
    wanted = change(["train.learning_rate=0.01"])

    def flip_the_first(row: Row, held: bool) -> Row:
        return row if held or int(row[0]) % 10 else [*row[:-1], "A" if row[-1] == "D" else "D"]

    found = []
    for name, data in (("as-it-is", small_csv), ("edited", edited(small_csv, tmp_path / "e.csv", flip_the_first))):
        root = Root.find(str(tmp_path / name))
        begun(root, data)
        found.append(try_change(root, wanted, with_source=False, folds=2, repeats=1))
    assert found[0].metrics != found[1].metrics


def test_the_data_are_those_of_the_newest_run_that_accepted_some_split_as_it_split_them(
    root: Root, small_csv: Path, sample_csv: Path
) -> None:
    begun(root, sample_csv, run="older")
    newest = begun(root, small_csv, f"transform.salt={SALT!r}", run="newer")
    Run(root, "blocked", newest.settings).directory.mkdir()
    customers = of_last_run(root)
    assert customers.name == "small.csv, run newer"
    columns = read_columns(newest.artifact("validate", Accepted).csv)
    hashes = profile_hashes(columns, SALT)
    assert sorted(customers.side.profiles.tolist()) == sorted(hashes[~is_eval(hashes, 0.2)].tolist())


def test_data_that_were_changed_are_passed_over(root: Root, small_csv: Path, sample_csv: Path) -> None:
    begun(root, sample_csv, run="older")
    newer = begun(root, small_csv, run="newer")
    data = newer.artifact("validate", Accepted).csv
    data.write_text(data.read_text().replace(",D\n", ",A\n", 1))
    assert of_last_run(root).name.endswith("run older")


def test_without_data_the_cure_names_the_option(root: Root) -> None:
    with pytest.raises(FinalError, match="no run whose data were accepted") as error:
        of_last_run(root)
    assert "--data PATH" in error.value.cure
    assert command(root, "try", "--set", "train.batch_size=8")[0] == 2


def test_data_that_validation_refuses_are_not_tried_and_nothing_stays(
    root: Root, tmp_path: Path, small_csv: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, temporary = tmp_path / "bad.csv", tmp_path / "tmp"
    bad.write_text(small_csv.read_text().replace("Profession", "Job", 1))
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert command(root, "try", "--data", str(bad), "--set", "train.batch_size=8") == (2, "")
    assert "Column 'Profession': the column is missing" in caplog.text
    assert [*root.path.iterdir(), *temporary.iterdir()] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "train.batch_size=8", "--folds", "1"), r"--folds 1: must lie in [2, 50]"),
        (("--set", "train.batch_size=8", "--repeats", "0"), r"--repeats 0: must lie in [1, 1000]"),
        (("--set", "promote.enabled=false"), "does not influence training"),
        ((), "There is nothing to try"),
    ],
)
def test_what_cannot_be_tried_is_refused_before_anything_runs(
    root: Root, caplog: pytest.LogCaptureFixture, arguments: tuple[str, ...], message: str
) -> None:
    assert command(root, "try", *arguments) == (2, "")
    assert message in caplog.text


def test_interrupting_it_leaves_nothing_behind(tmp_path: Path, small_csv: Path) -> None:
    temporary, root = tmp_path / "tmp", tmp_path / "root"
    temporary.mkdir()
    trial = subprocess.Popen(
        [sys.executable, "-m", "ml", "try", "--root", root, "--data", small_csv, "--set", "train.batch_size=8"],
        cwd=PROJECT, env=os.environ | {"TMPDIR": str(temporary)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        assert trial.stderr is not None
        for line in trial.stderr:
            if "split  1 of 10" in line:
                trial.send_signal(signal.SIGINT)
                break
        answer, log = trial.communicate(timeout=120)
    finally:
        trial.kill()
        trial.wait()
    assert (trial.returncode, answer) == (130, "")
    assert "interrupted; nothing was written" in log
    assert "Traceback" not in log
    assert not root.exists()
    assert list(temporary.iterdir()) == []
