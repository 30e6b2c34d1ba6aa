"""From requests that have changed to a retraining that says why: a scheduler, an API server, the real `ml monitor`."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ml.registry.ledger.entries import TRIGGERED
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import PROJECT, Root
from tests.airflow_home import fake_ml
from tests.plugins.pages.api_server import AIRFLOW, ApiServer, api_server, environment, run

ML_PYTHON = PROJECT / ".venv-ml" / "bin" / "python"
REAL = ("monitor", "ingest")
"""The commands that the ML environment runs; the others are played, as a training would take a minute."""
MONITORING, RETRAINING = "customer_monitoring", "customer_retraining"
WAIT_SECONDS = 120
MORE = {
    "AIRFLOW__API_AUTH__JWT_SECRET": "for the tests of the monitoring alone, and no secret",
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__CORE__PARALLELISM": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    "RETRAIN__DATA__SOURCE": "sample",
    "RETRAIN_FAKE": json.dumps({"judge": {"promotes": False}}),
}


@dataclass
class Airflow:
    """An Airflow at work, and the root of its DAGs."""

    server: ApiServer
    home: Path
    root: Root

    def trigger(self, dag: str) -> str:
        """Start a run by hand, and return its id when it has ended well."""
        path = f"/api/v2/dags/{dag}/dagRuns"
        answer = self.server.ask(path, method="POST", body={"logical_date": None, "conf": {}}, bearer=True)
        assert answer.status == 200, answer.text
        run_id = str(json.loads(answer.text)["dag_run_id"])
        until(lambda: dict(self.runs(dag)).get(run_id) in ("success", "failed"), self)
        assert dict(self.runs(dag))[run_id] == "success", self.states(run_id)
        return run_id

    def tell(self, extra: Any) -> None:
        """Make an event of the asset, as a repeated one would be."""
        assets = json.loads(self.server.ask("/api/v2/assets", bearer=True).text)["assets"]
        (number,) = [asset["id"] for asset in assets if asset["name"] == "customer_drift"]
        body = {"asset_id": number, "extra": extra}
        answer = self.server.ask("/api/v2/assets/events", method="POST", body=body, bearer=True)
        assert answer.status == 200, answer.text

    def unpause(self, dag: str) -> None:
        answer = self.server.ask(f"/api/v2/dags/{dag}", method="PATCH", body={"is_paused": False}, bearer=True)
        assert answer.status == 200, answer.text

    def runs(self, dag: str) -> list[tuple[str, str]]:
        """The runs with their states, the oldest first."""
        return self._rows("SELECT run_id, state FROM dag_run WHERE dag_id = ? ORDER BY id", dag)

    def states(self, run_id: str) -> dict[str, str]:
        return dict(self._rows("SELECT task_id, state FROM task_instance WHERE run_id = ?", run_id))

    def note(self, run_id: str) -> str:
        query = "SELECT content FROM dag_run_note JOIN dag_run ON dag_run.id = dag_run_id WHERE run_id = ?"
        return str(self._rows(query, run_id)[0][0]).split("\n")[0]

    def events(self) -> list[dict[str, Any]]:
        found = self._rows("SELECT extra FROM asset_event WHERE source_dag_id = ? ORDER BY id", MONITORING)
        return [json.loads(extra) for (extra,) in found]

    def _rows(self, query: str, *values: str) -> list[Any]:
        with closing(sqlite3.connect(self.home / "airflow.db", timeout=30)) as database:
            return database.execute(query, values).fetchall()


def until(is_so: Callable[[], bool], airflow: Airflow) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        log = airflow.home / "scheduler.log"
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.2)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    home, root = tmp_path_factory.mktemp("airflow"), Root(tmp_path_factory.mktemp("root"))
    command: list[str | Path] = [ML_PYTHON, "-W", "ignore", "-m", "tests.ml.drift.world", root.path]
    making = subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL)
    program = fake_ml(root.path)
    (root.path / "real").write_text(" ".join(REAL))
    more = MORE | {"ML_PYTHON": str(program)}
    run(home, root.path, "db", "migrate", **more)
    run(home, root.path, "dags", "reserialize", **more)
    assert making.wait(timeout=300) == 0
    with api_server(home, root.path, **more) as server:
        url = f"http://127.0.0.1:{server.port}/execution/"
        with scheduler(home, root.path, **more, AIRFLOW__CORE__EXECUTION_API_SERVER_URL=url):
            yield Airflow(server, home, root)


@contextmanager
def scheduler(home: Path, root: Path, **more: str) -> Iterator[None]:
    with (home / "scheduler.log").open("wb") as output:
        process = subprocess.Popen(
            [AIRFLOW, "scheduler", "--skip-serve-logs"],
            cwd=PROJECT,
            env=environment(home, root) | more,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def begun(airflow: Airflow) -> list[tuple[str, list[str]]]:
    events = [event for event in Ledger(airflow.root.ledger).events() if event["event"] == TRIGGERED]
    return [(event["run_id"], [*event["findings"]]) for event in events]


@pytest.mark.skipif(not ML_PYTHON.exists(), reason="the ML environment is not there")
def test_a_drift_starts_one_retraining_that_says_why(airflow: Airflow) -> None:
    # What is told while it is switched off begins nothing; nor when it is switched on afterwards.
    airflow.tell({"day": "2026-01-31", "findings": {"drift: Gender": "More men."}, "cool_down_days": 7})
    airflow.unpause(RETRAINING)
    time.sleep(3)
    assert airflow.runs(RETRAINING) == []

    looked = airflow.trigger(MONITORING)
    assert airflow.states(looked) == {"look": "success", "ask": "success"}
    assert [[*event["findings"]] for event in airflow.events()] == [["drift: Age"]]
    until(lambda: [state for _, state in airflow.runs(RETRAINING)] == ["success"], airflow)
    ((retraining, _),) = airflow.runs(RETRAINING)
    assert retraining.startswith("asset_triggered__")
    assert begun(airflow) == [(retraining, ["drift: Age"])]
    assert airflow.note(retraining) == "Rejected: AUC 0.88 is compared with 0.85. Trigger: drift of Age."

    # The look after that finds the same, and asks for nothing.
    looked = airflow.trigger(MONITORING)
    assert airflow.states(looked) == {"look": "success", "ask": "skipped"}
    assert json.loads(airflow.root.monitoring.read_text())["checks"][0]["held_back"][0].startswith(f"Run {retraining} ")

    # An event that is told once more begins no work.
    airflow.tell(airflow.events()[-1])
    until(lambda: [state for _, state in airflow.runs(RETRAINING)] == ["success", "success"], airflow)
    repeated, _ = airflow.runs(RETRAINING)[-1]
    assert airflow.states(repeated)["ingest"] == "skipped"
    assert f"a retraining began already: run {retraining}." in airflow.note(repeated)
    assert len(begun(airflow)) == 1
