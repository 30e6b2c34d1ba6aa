"""The service airflow-cleaner removes what is old and nothing else; once with Airflow's own command on a database."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ml.storage.root import PROJECT
from tests.airflow_home import variables

OLD, LATELY = 500, 40  # days


class Cleaner:
    """The script with directories of its own; its first pause ends it."""

    def __init__(self, directory: Path) -> None:
        self.logs, self.tools, self.marker = directory / "logs", directory / "bin", directory / "cleaned"
        self.logs.mkdir()
        self.tools.mkdir()
        self.program("sleep", 'echo "pause $1"; kill $PPID')
        self.environment = os.environ | {
            "PATH": f"{self.tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TMPDIR": str(directory),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.logs),
            "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(self.logs / "dag_processor"),
        }

    def program(self, name: str, script: str) -> None:
        """A program of that name, for the script only."""
        (self.tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.tools / name).chmod(0o755)

    def log(self, name: str, days: float) -> Path:
        """A log file that was last written so many days ago, like the directories that hold it."""
        path = self.logs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a line\n")
        then = time.time() - days * 86400
        for each in (path, *path.relative_to(self.logs).parents):
            os.utime(self.logs / each, (then, then))
        return path

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """One round."""
        return subprocess.run(
            [PROJECT / "stack/compose/airflow_cleaner.sh"],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def cleaner(tmp_path: Path) -> Cleaner:
    cleaner = Cleaner(tmp_path)
    cleaner.program("airflow", 'echo "airflow $*"')
    return cleaner


def test_old_logs_are_removed_with_their_directories_and_others_stay(cleaner: Cleaner) -> None:
    old = cleaner.log("dag_id=d/run_id=old/task_id=train/attempt=1.log", OLD)
    old_look = cleaner.log("dag_processor/2026-01-01/dags-folder/d.py.log", LATELY)
    kept = [
        cleaner.log("dag_id=d/run_id=new/task_id=train/attempt=1.log", LATELY),
        cleaner.log("dag_processor/2026-02-02/dags-folder/d.py.log", 0),
    ]
    about_to_be_used = cleaner.logs / "dag_id=d" / "run_id=next"
    about_to_be_used.mkdir()
    done = cleaner.run(RETENTION_DAYS="400")
    assert "pause 86400" in done.stdout, done.stderr
    assert cleaner.marker.exists()
    assert not old.exists()
    assert not old_look.exists()
    assert all(path.exists() for path in (*kept, about_to_be_used))
    os.utime(old.parent, (0, 0))  # what vanished from it was a change, so it has to age
    assert "pause 86400" in cleaner.run(RETENTION_DAYS="400").stdout
    assert not old.parents[1].exists()


def test_a_failure_is_reported_and_tried_again_and_makes_the_service_unhealthy(cleaner: Cleaner) -> None:
    old = cleaner.log("dag_id=d/attempt=1.log", OLD)
    cleaner.program("airflow", "exit 1")
    done = cleaner.run()
    assert "pause 3600" in done.stdout
    assert "trying again in an hour" in done.stderr
    assert not cleaner.marker.exists()
    assert old.exists()


@pytest.mark.parametrize("days", ["0", "-1", "a year", "4e2"])
def test_a_retention_that_is_not_a_number_of_days_removes_nothing(cleaner: Cleaner, days: str) -> None:
    old = cleaner.log("dag_id=d/attempt=1.log", OLD)
    done = cleaner.run(RETENTION_DAYS=days)
    assert done.returncode == 2
    assert "RETENTION_DAYS=400" in done.stderr
    assert old.exists()


def test_old_rows_are_removed_from_a_real_database(tmp_path: Path) -> None:
    cleaner = Cleaner(tmp_path)
    cleaner.environment |= variables(tmp_path / "airflow")
    migrate: list[Path | str] = [Path(sys.executable).parent / "airflow", "db", "migrate"]
    subprocess.run(migrate, env=cleaner.environment, check=True, capture_output=True, timeout=300)
    with sqlite3.connect(tmp_path / "airflow" / "airflow.db") as database:
        for days in (OLD, LATELY):
            database.execute(f"INSERT INTO log (event, dttm) VALUES ('{days}', datetime('now', '-{days} days'))")
    done = cleaner.run(PYTHONWARNINGS="ignore")
    assert "pause 86400" in done.stdout, done.stdout + done.stderr
    with sqlite3.connect(tmp_path / "airflow" / "airflow.db") as database:
        events = {event for (event,) in database.execute("SELECT event FROM log")}
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert str(LATELY) in events
    assert str(OLD) not in events
    assert not [name for name in tables if name.startswith("_airflow_deleted")]
