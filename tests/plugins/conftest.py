"""Airflow is imported by these tests; it must find its own home first."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.airflow_home import use_temporary_home

use_temporary_home()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETRAIN_ROOT", str(tmp_path))
    from airflow.sdk import Connection

    monkeypatch.setattr(Connection, "get", classmethod(no_connection))
    return tmp_path


def no_connection(_cls: type, conn_id: str) -> Any:
    from airflow.sdk.exceptions import AirflowNotFoundException

    raise AirflowNotFoundException(conn_id)


@pytest.fixture
def task(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from tests.plugins.step_task import Task

    tasks: list[Task] = []

    def make(step: str = "train", **plan: Any) -> Task:
        tasks.append(Task(step, plan, monkeypatch))
        return tasks[-1]

    yield make
    for made in tasks:
        made.operator.on_kill()
