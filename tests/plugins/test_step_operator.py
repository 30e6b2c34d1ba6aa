"""What becomes of a step's exit code, result, lines, environment and credentials."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Connection
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
)
from airflow.sdk.log import redact  # type: ignore[attr-defined]

from ml.pipeline.run_record import result_path
from ml.storage.root import Root
from retraining.step_operator import StepOperator
from tests.plugins.step_task import RUN, ends_killed


def test_success_returns_the_result_without_data(task: Any) -> None:
    result = task("judge").run()
    assert result["outcome"] == "done"
    assert result["artifact"]["promotes"] is True
    assert result["artifact"]["metrics"]["AUC"] == 0.88
    assert len(json.dumps(result)) < 2000


def test_exit_code_2_fails_at_once_with_fact_and_cure(task: Any) -> None:
    error = {"what": "Train.csv: column 'Age' has 12 values outside [0, 120].", "cure": "Fix the source."}
    with pytest.raises(AirflowFailException, match=r"column 'Age' has 12 values.*Fix the source"):
        task("validate", exit=2, error=error).run()


def test_exit_code_2_without_a_result_quotes_the_last_line(task: Any) -> None:
    lines = ["12:00:00 ERROR   SettingsError: Unknown setting 'train.epoch'."]
    with pytest.raises(AirflowFailException, match=r"exit code 2 .*Unknown setting 'train.epoch'"):
        task("validate", exit=2, lines=lines, no_result=True).run()


def test_exit_code_99_skips_with_the_reason(task: Any) -> None:
    with pytest.raises(AirflowSkipException, match="Nothing new"):
        task("ingest", exit=99, error={"what": "Nothing new."}).run()


@pytest.mark.parametrize("code", [1, 3, 137])
def test_any_other_exit_code_may_be_retried(task: Any, code: int) -> None:
    with pytest.raises(AirflowException, match="the server is away") as raised:
        task("confirm", exit=code, error={"what": "the server is away"}).run()
    assert not isinstance(raised.value, AirflowFailException | AirflowSkipException)


def test_a_killed_child_may_be_retried_and_is_called_killed(task: Any) -> None:
    with pytest.raises(AirflowException, match=r"killed by signal 9 .*out of memory") as raised:
        task("train", signal=int(signal.SIGKILL)).run()
    assert not isinstance(raised.value, AirflowFailException)


def test_success_without_a_result_fails_the_task(task: Any) -> None:
    with pytest.raises(AirflowException, match="left no result"):
        task("train", no_result=True).run()


def test_the_result_of_an_earlier_try_does_not_count(task: Any) -> None:
    task("train").run()
    with pytest.raises(AirflowException, match="killed by signal 9"):
        task("train", signal=9).run()


def test_a_run_id_that_leaves_the_directory_is_refused(task: Any) -> None:
    with pytest.raises(AirflowFailException, match="cannot become a directory"):
        task("train").run(run_id="manual__../../etc")


def test_a_run_id_that_would_be_taken_for_a_version_begins_nothing(task: Any, root: Path) -> None:
    with pytest.raises(AirflowFailException, match=r"Run id '7' would be taken for a version\."):
        task("ingest").run(run_id="7")
    assert not Root(root).run("7").exists()


def test_a_run_that_is_a_link_is_refused_before_the_child_starts(task: Any, root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    Root(root).runs.mkdir(exist_ok=True)
    (Root(root).runs / "linked").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AirflowFailException, match="linked: is a symbolic link, which is never followed"):
        task("train").run(run_id="linked")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("run_id", ["manual__" + "x" * 300, "my run", "caf\u00e9", "-run", "a\nb"])
def test_a_run_id_that_no_step_takes_is_told_once(task: Any, run_id: str) -> None:
    with pytest.raises(AirflowFailException) as refused:
        task("ingest").run(run_id=run_id)
    assert "cannot become a directory" in str(refused.value)
    assert len(str(refused.value)) < 250


def test_a_conf_with_a_misspelt_key_runs_nothing(task: Any, root: Path) -> None:
    with pytest.raises(AirflowFailException, match=r"unknown key: 'epoch'\. Did you mean 'epochs'\?"):
        task("ingest").run(conf={"epoch": 5})
    result = json.loads(result_path(Root(root).run(RUN), "ingest").read_bytes())
    assert (result["outcome"], result["error"]["retry"]) == ("failed", False)
    assert "unknown key" in result["error"]["what"]
    assert "Known: data, epochs" in result["error"]["cure"]


def test_a_conf_with_nan_runs_nothing(task: Any) -> None:
    with pytest.raises(AirflowFailException, match="'learning_rate' = NaN, which is no number"):
        task("ingest").run(conf={"learning_rate": float("nan")})


def test_lines_reach_the_log_while_the_child_runs(
    task: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StepOperator, "log", logging.getLogger("step"))
    slow = task("train", lines=["12:00:00 WARNING early words"], sleep=30)
    caplog.set_level(logging.INFO)
    thread = threading.Thread(target=ends_killed, args=[slow])
    thread.start()
    deadline = time.monotonic() + 15
    while "early words" not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.05)
    assert thread.is_alive()
    assert [r.levelname for r in caplog.records if "early words" in r.getMessage()] == ["WARNING"]
    slow.operator.on_kill()
    thread.join(5)
    assert not thread.is_alive()


def test_the_child_sees_an_allow_list_of_variables(task: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AWS_SECRET_ACCESS_KEY", "KAGGLE_KEY", "PYTHONPATH"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("RETRAIN__TRAIN__EPOCHS", "3")
    seen = root / "seen.json"
    task("train", environment=str(seen)).run()
    variables = json.loads(seen.read_text())
    assert "secret" not in variables.values()
    assert not [name for name in variables if name.startswith("AIRFLOW")]
    assert variables["RETRAIN__TRAIN__EPOCHS"] == "3"
    assert variables["RETRAIN_WHO"] == "ada"
    assert variables["RETRAIN_DIE_WITH_PARENT"] == str(os.getpid())
    assert variables["HOME"] == os.environ["HOME"]


def test_a_scheduled_run_says_that_nobody_asked(task: Any, root: Path) -> None:
    seen = root / "seen.json"
    task("train", environment=str(seen)).run(who=None)
    assert json.loads(seen.read_text())["RETRAIN_WHO"] == "airflow (scheduled)"


def test_kaggle_credentials_go_to_ingest_only(task: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "ada")
    monkeypatch.setenv("KAGGLE_KEY", "k3y-of-ada")
    seen = {}
    for step in ("ingest", "train"):
        task(step, environment=str(root / "seen.json")).run()
        seen[step] = {n: v for n, v in json.loads((root / "seen.json").read_text()).items() if n.startswith("KAGGLE")}
    assert seen == {"ingest": {"KAGGLE_USERNAME": "ada", "KAGGLE_KEY": "k3y-of-ada"}, "train": {}}
    assert redact("the key is k3y-of-ada") == "the key is ***"


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        ({"login": "bob", "password": "p4ss-of-bob"}, {"KAGGLE_USERNAME": "bob", "KAGGLE_KEY": "p4ss-of-bob"}),
        ({"password": "t0ken-of-bob"}, {"KAGGLE_API_TOKEN": "t0ken-of-bob"}),
        ({"extra": '{"token": "t0ken-in-extra"}'}, {"KAGGLE_API_TOKEN": "t0ken-in-extra"}),
    ],
)
def test_a_connection_takes_the_place_of_the_environment(
    task: Any,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    connection: dict[str, str],
    expected: dict[str, str],
) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", "ada")
    monkeypatch.setenv("KAGGLE_KEY", "k3y")
    made = Connection(conn_id="kaggle_default", conn_type="generic", **connection)  # type: ignore[arg-type]
    monkeypatch.setattr(Connection, "get", classmethod(lambda _cls, _conn_id: made))
    task("ingest", environment=str(root / "seen.json")).run()
    variables = json.loads((root / "seen.json").read_text())
    assert {name: value for name, value in variables.items() if name.startswith("KAGGLE")} == expected
    secret = list(expected.values())[-1]
    assert redact(f"got {secret}") == "got ***"


def test_a_token_in_a_file_is_masked_too(task: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "token").write_text("t0ken-in-a-file\n")
    monkeypatch.setenv("KAGGLE_API_TOKEN", str(root / "token"))
    task("ingest").run()
    assert redact("got t0ken-in-a-file") == "got ***"


def error_lines_of(
    failing: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, run_id: str = RUN
) -> list[str]:
    """The lines at the level ERROR of a task that fails."""
    monkeypatch.setattr(StepOperator, "log", logging.getLogger("step"))
    caplog.set_level(logging.INFO)
    with pytest.raises(AirflowException):
        failing.run(run_id=run_id)
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


def test_the_last_lines_are_findings_and_cure_and_none_is_wider_than_120(
    task: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = ["Column 'Age': values below 18 in 12 rows (0.15%).", "Column 'Gender': " + "much to say " * 30]
    error = {"what": " ".join(findings), "findings": findings, "cure": "Fix the source, or the schema."}
    lines = error_lines_of(task("validate", exit=2, error=error), caplog, monkeypatch)
    assert (lines[0], lines[-1]) == (findings[0], "Fix the source, or the schema.")
    assert lines[1].startswith("Column 'Gender': much to say")
    assert " ".join(lines[1:-1]) == findings[1].strip()
    assert max(len(line) for line in lines) <= 120


def test_what_the_step_itself_said_last_is_not_said_again(
    task: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = ["12:00:00 ERROR   DataError: No rows.", "12:00:00 ERROR   Obtain the file again."]
    error = {"what": "No rows.", "cure": "Obtain the file again."}
    lines = error_lines_of(task("ingest", exit=2, error=error, lines=said), caplog, monkeypatch)
    assert lines == ["DataError: No rows.", "Obtain the file again."]


def test_a_run_id_that_is_refused_is_told_in_the_log(
    task: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = error_lines_of(task("train"), caplog, monkeypatch, run_id="../etc")
    assert "cannot become a directory" in lines[0]
