"""A running stack whose steps are the real ones from now on: its runs, and clearing their tasks as the UI does."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from ml.registry.ledger.ledger import Ledger
from ml.storage.root import PROJECT, Root
from stack.local.airflow.api import AirflowApi
from stack.local.paths import DAG_ID, Paths
from tests.stack.local.stack import Stack

DEADLINE_SECONDS = 300


class RealSteps:
    """The stand-in's runs, models and ledger are removed; from now on it hands each step to the ML environment.

    Its model server answers the known rows as a version's release record says, unless it `is_down`.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack, self.root = stack, Root(stack.root)
        self.api = AirflowApi.of(f"http://127.0.0.1:{stack.ui}", Paths(self.root))
        for directory in (self.root.runs, self.root.models / "customer-model"):
            shutil.rmtree(directory)
        self.root.ledger.unlink()
        (stack.root / "real").touch()

    def is_down(self, down: bool) -> None:
        """Whether the model server refuses from now on."""
        mark = self.stack.root / "server-is-down"
        mark.touch() if down else mark.unlink()

    def run(self) -> str:
        """The id of a new run that has ended."""
        run_id = self.api.trigger({"data": "sample"})
        self.wait(run_id)
        return run_id

    def clear(self, run_id: str, task: str) -> None:
        """Clears a task and those after it, and waits for the run to end once more."""
        body = {"dag_run_id": run_id, "task_ids": [task], "include_downstream": True, "only_failed": False}
        path = f"/api/v2/dags/{DAG_ID}/clearTaskInstances"
        cleared = self.api._need(self.api._call("POST", path, body | {"dry_run": False}))
        assert task in [instance["task_id"] for instance in cleared["task_instances"]]
        self.wait(run_id)

    def wait(self, run_id: str) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while self.api.state(run_id) not in ("success", "failed"):
            assert time.monotonic() < deadline, self.results(run_id)
            time.sleep(0.5)

    def tries(self, run_id: str) -> dict[str, int]:
        return {instance["task_id"]: instance["try_number"] for instance in self.api.task_instances(run_id)}

    def results(self, run_id: str) -> dict[str, dict[str, Any]]:
        """The result of each step."""
        files = sorted((self.root.run(run_id) / "results").glob("*.json"))
        return {file.stem: json.loads(file.read_text()) for file in files}

    def events(self) -> list[tuple[str, int | None]]:
        """Event and version of each entry of the ledger."""
        return [(event["event"], event.get("version")) for event in Ledger(self.root.ledger).events()]

    def note(self, run_id: str) -> str:
        path = f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id}"
        return str(self.api._need(self.api._call("GET", path))["note"])

    def asset_events(self) -> list[dict[str, Any]]:
        """The `extra` of each event of the asset, of runs of the real steps."""
        found = self.api._need(self.api._call("GET", f"/api/v2/assets/events?source_dag_id={DAG_ID}"))["asset_events"]
        return [event["extra"] for event in found if self.root.run(event["source_run_id"]).exists()]

    def adopt_a_newer_version(self) -> None:
        """Version 2, with the bytes of version 1, is taken over by a person."""
        models = self.root.models / "customer-model"
        shutil.copytree(models / "1", models / "2")
        command: list[str | Path] = [PROJECT / ".venv-ml/bin/python", "-m", "ml", "adopt", "2", "--reason", "a test"]
        environment = self.stack.environment | {"PYTHONPATH": str(PROJECT)}
        done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
