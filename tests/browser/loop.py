"""The whole product on free ports: Airflow, the model server, and the steps in the ML environment."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ml.registry.ledger.ledger import Ledger, Version
from ml.storage.root import Root
from serving.client.model_client import ModelServer
from stack.local.airflow.api import AirflowApi
from stack.local.errors import NoAnswerError
from stack.local.paths import DAG_ID, Paths
from tests.stack.local.stack import Stack

DEADLINE_SECONDS = 300
TRIES = 10


class Loop:
    """`make up` as a user has it, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.stack = Stack(directory)
        del self.stack.environment["ML_PYTHON"]  # no stand-in
        self.root = Root(directory)
        self.ui_url = f"http://127.0.0.1:{self.stack.ui}"
        self.server = ModelServer(f"http://127.0.0.1:{self.stack.serving}", "customer-model", timeout=10)

    def up(self) -> None:
        code, text = self.stack.run("up")
        assert code == 0, text
        self.api = AirflowApi.of(self.ui_url, Paths(self.root))
        self.until(self.api.log_in)

    def down(self) -> None:
        self.stack.run("down")

    def password(self, user: str) -> str:
        return str(json.loads(Paths(self.root).passwords.read_bytes())[user])

    def served(self) -> list[int]:
        """The versions that the server calls AVAILABLE."""
        return [found.version for found in self.server.versions() if found.state == "AVAILABLE"]

    def events(self, run_id: str) -> list[dict[str, Any]]:
        return [event for event in Ledger(self.root.ledger).events() if event["run_id"] == run_id]

    def champion(self) -> Version:
        champion = Ledger(self.root.ledger).champion()
        assert champion is not None
        return champion

    def first_run(self) -> str:
        return str(Ledger(self.root.ledger).versions()[1].run_id)

    def question_of(self, run_id: str) -> str:
        """The run of customer_approval that asks about the candidate of a run, once it waits for an answer."""
        path = "/api/v2/dags/customer_approval/dagRuns"

        def asked() -> list[str]:
            return [
                found["dag_run_id"]
                for found in self._get(path)["dag_runs"]
                if found["dag_run_id"].startswith(f"approval__{run_id}")
            ]

        self.until(lambda: bool(asked()))
        (question,) = asked()
        self.until(lambda: self._states(question).get("answer") == "awaiting_input")
        return question

    def _states(self, question: str) -> dict[str, str]:
        found = self._get(f"/api/v2/dags/customer_approval/dagRuns/{question}/taskInstances")
        return {instance["task_id"]: instance["state"] for instance in found["task_instances"]}

    def last_run(self, dag_id: str = DAG_ID) -> str:
        found = self._get(f"/api/v2/dags/{dag_id}/dagRuns?order_by=-run_after&limit=1")["dag_runs"]
        return str(found[0]["dag_run_id"])

    def ended(self, run_id: str, dag_id: str = DAG_ID) -> dict[str, Any]:
        """The run, when it has ended."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}"
        self.until(lambda: self._get(path)["state"] in ("success", "failed"))
        return self._get(path)

    def until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.5)

    def _get(self, path: str) -> dict[str, Any]:
        for _ in range(TRIES):
            with suppress(NoAnswerError):  # a browser beside it leaves little of two cores
                return self.api._need(self.api._call("GET", path))
        return self.api._need(self.api._call("GET", path))
