"""The whole product on free ports, with a past: Airflow, the model server, and the steps in the ML environment."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml.registry.ledger.ledger import Ledger, Version
from ml.storage.root import PROJECT, Root
from serving.client.model_client import ModelServer
from serving.client.transport import request
from stack.local.paths import Paths
from tests.plugins.pages.api_server import PASSWORDS
from tests.stack.local.stack import Stack

DEADLINE_SECONDS = 300
ANSWER_SECONDS = 120
"""For one call of the API: the browser, the steps and Airflow share two cores."""


class Loop:
    """`make up` as a user has it, in a directory of its own in which runs have ended already."""

    def __init__(self, directory: Path) -> None:
        self.stack = Stack(directory)
        del self.stack.environment["ML_PYTHON"]  # no stand-in
        self.root, self.paths = Root(directory), Paths(Root(directory))
        self.ui_url = f"http://127.0.0.1:{self.stack.ui}"
        self.serving_url = f"http://127.0.0.1:{self.stack.serving}"
        self.server = ModelServer(self.serving_url, "customer-model", timeout=ANSWER_SECONDS)
        self.token = ""  # of the administrator

    def tell_story(self) -> None:
        """The runs of `tests.browser.story`, by the real steps; nothing else is running meanwhile."""
        done = subprocess.run(
            [PROJECT / ".venv-ml/bin/python", "-m", "tests.browser.story", self.root.path],
            cwd=PROJECT,
            env=self.stack.environment | {"PYTHONPATH": str(PROJECT), "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]

    def up(self) -> None:
        self.paths.prepare()
        self.paths.passwords.write_text(json.dumps(PASSWORDS))
        code, text = self.stack.run("up")
        assert code == 0, text
        who = {"username": "admin", "password": PASSWORDS["admin"]}
        self.token = self._answer("POST", "/auth/token", who)["access_token"]

    def down(self) -> None:
        self.stack.run("down")

    def served(self) -> list[int]:
        """The versions that the server calls AVAILABLE."""
        return [found.version for found in self.server.versions() if found.state == "AVAILABLE"]

    def events(self, run_id: str) -> list[dict[str, Any]]:
        return [event for event in Ledger(self.root.ledger).events() if event["run_id"] == run_id]

    def champion(self) -> Version:
        champion = Ledger(self.root.ledger).champion()
        assert champion is not None
        return champion

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """The runs of a DAG, the newest first."""
        return list(self._answer("GET", f"/api/v2/dags/{dag_id}/dagRuns?order_by=-run_after")["dag_runs"])

    def pause(self, dag_id: str, paused: bool) -> None:
        self._answer("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": paused})

    def until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.5)

    def _answer(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = request(
            method, f"{self.ui_url}{path}", json_body=body, token=self.token or None, timeout=ANSWER_SECONDS
        )
        assert answer.status < 300, answer.text
        return dict(answer.json())
