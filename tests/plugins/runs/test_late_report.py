"""Who writes the report of a run that was killed: the listener, beside the scheduler, once."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from retraining.runs import listener
from retraining.runs.late_report import write_late_report
from tests.airflow_home import fake_ml

RUN = "manual__2026-11-23T00:00:00+00:00"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path))
    monkeypatch.setenv("ML_PYTHON", str(fake_ml(tmp_path)))
    return tmp_path


def report(root: Path) -> Path:
    return root / "reports" / "runs" / f"{RUN}.html"


def result(root: Path, seconds: int) -> None:
    file = root / "runs" / RUN / "results" / "ingest.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"step": "ingest", "outcome": "done"}))
    os.utime(file, (seconds, seconds))


def write(root: Path) -> bool:
    thread = write_late_report(RUN)
    if thread is not None:
        thread.join(60)
    return thread is not None


def test_a_run_without_a_report_gets_one(root: Path) -> None:
    result(root, 1000)
    assert write(root)
    assert report(root).is_file()
    (called,) = map(json.loads, (root / "commands.jsonl").read_text().splitlines())
    assert called == {"arguments": ["report", RUN], "who": "airflow (listener)"}


def test_a_report_that_knows_the_last_result_is_not_written_again(root: Path) -> None:
    result(root, 1000)
    write(root)
    os.utime(report(root), (2000, 2000))
    assert not write(root)
    result(root, 3000)  # a task was cleared
    assert write(root)


def test_who_may_not_write_there_leaves_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    assert not write(root)


def test_a_report_that_cannot_be_written_is_logged_with_its_reason(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("RETRAIN_FAKE", json.dumps({"report": {"exit": 1}}))
    assert write(root)
    assert "no report (exit code 1)" in caplog.text
    monkeypatch.setenv("ML_PYTHON", str(root / "missing"))
    assert write(root)
    assert "No such file" in caplog.text


@pytest.mark.parametrize("dag_id", ["customer_retraining", "another"])
def test_the_listener_sees_to_it_when_a_run_ends(root: Path, monkeypatch: pytest.MonkeyPatch, dag_id: str) -> None:
    asked: list[str] = []
    monkeypatch.setattr("retraining.runs.late_report.write_late_report", asked.append)
    monkeypatch.setattr("retraining.runs.note_store.write_note", lambda *_: True)
    run: Any = SimpleNamespace(dag_id=dag_id, run_id=RUN)
    listener.on_dag_run_failed(run, "timed_out")
    listener.on_dag_run_success(run, "")
    assert asked == ([RUN, RUN] if dag_id == "customer_retraining" else [])
