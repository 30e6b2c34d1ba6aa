"""A client of Airflow's REST API, with the few calls that this project needs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serving.client.transport import Response, TransportError, request
from stack.local.errors import NoAnswerError, StackError
from stack.local.paths import DAG_ID, Paths

USER = "admin"
TIMEOUT_SECONDS = 30.0
_PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


@dataclass
class AirflowApi:
    """Airflow as one user sees it. The token is fetched with the password when it is first needed.

    Attributes:
        url: The base URL of the API server.
        password: The password of the user `admin`.
    """

    url: str
    password: str
    _token: str = ""

    @classmethod
    def of(cls, url: str, paths: Paths) -> AirflowApi:
        """The client for the user whose password `make up` generated."""
        return cls(url, json.loads(paths.passwords.read_bytes())[USER])

    def log_in(self) -> bool:
        """Whether the API hands out a token. The health page alone may show heartbeats of an earlier start."""
        try:
            answer = request("POST", f"{self.url}/auth/token", json_body={"username": USER, "password": self.password})
        except TransportError:
            return False
        self._token = (answer.json() or {}).get("access_token", "") if answer.status == 201 else ""
        return bool(self._token)

    def unhealthy(self, since: datetime) -> list[str]:
        """The components of Airflow without a heartbeat since this time."""
        try:
            health = request("GET", f"{self.url}/api/v2/monitor/health").json() or {}
        except TransportError:
            return ["api-server"]
        return [part for part in _PARTS if not _is_healthy(part, health.get(part) or {}, since)]

    def dag(self) -> dict[str, Any] | None:
        """The DAG as Airflow knows it, or None before it was parsed."""
        answer = self._call("GET", f"/api/v2/dags/{DAG_ID}")
        return answer.json() if answer.status == 200 else None

    def unpause(self) -> None:
        """Switch the DAG on."""
        self._need(self._call("PATCH", f"/api/v2/dags/{DAG_ID}", {"is_paused": False}))

    def trigger(self, conf: dict[str, Any]) -> str:
        """Start a run with these Params and return its id."""
        answer = self._call("POST", f"/api/v2/dags/{DAG_ID}/dagRuns", {"logical_date": None, "conf": conf})
        return str(self._need(answer)["dag_run_id"])

    def state(self, run_id: str) -> str:
        """The state of a run: queued, running, success or failed."""
        return str(self._need(self._call("GET", f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id}"))["state"])

    def task_instances(self, run_id: str) -> list[dict[str, Any]]:
        """The task instances of a run, with `task_id`, `state`, `queued_when`, `start_date` and `end_date`."""
        path = f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances"
        return list(self._need(self._call("GET", path))["task_instances"])

    def return_value(self, run_id: str, task_id: str) -> Any:
        """What a task returned, from its XCom `return_value`."""
        path = f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        return self._need(self._call("GET", f"{path}?deserialize=true"))["value"]

    def active_run_ids(self) -> list[str]:
        """The ids of runs that are queued or running."""
        answer = self._call("GET", f"/api/v2/dags/{DAG_ID}/dagRuns?state=running&state=queued&order_by=run_after")
        return [str(run["dag_run_id"]) for run in self._need(answer)["dag_runs"]]

    def _call(self, method: str, path: str, body: Any = None) -> Response:
        if not self._token and not self.log_in():
            raise StackError(
                f"{self.url} does not give {USER!r} a token. Is it the Airflow of `make up`? "
                "`make down` and `make up` restart it."
            )
        try:
            return request(method, f"{self.url}{path}", json_body=body, token=self._token, timeout=TIMEOUT_SECONDS)
        except TransportError as error:
            raise NoAnswerError(f"{self.url} does not answer: {error}. `make up` starts it.") from error

    def _need(self, answer: Response) -> dict[str, Any]:
        if answer.status >= 500:
            raise NoAnswerError(f"Airflow answered with status {answer.status}; its logs tell why.")
        content = answer.json()
        if answer.status >= 300 or not isinstance(content, dict):
            detail = content.get("detail") if isinstance(content, dict) else answer.text
            raise StackError(f"Airflow answered with status {answer.status}: {str(detail)[:500]}")
        return content


def _is_healthy(part: str, health: dict[str, Any], since: datetime) -> bool:
    if health.get("status") != "healthy":
        return False
    beat = health.get(f"latest_{part}_heartbeat")
    return part == "metadatabase" or (beat is not None and datetime.fromisoformat(beat) >= since)
