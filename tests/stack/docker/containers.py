"""The compose file brought up under a name, with secrets, ports and volumes of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from ml.pipeline.step_names import STEPS
from ml.storage.root import PROJECT
from serving.client.transport import Address, Response, request, send
from stack.local.airflow.api import AirflowApi
from stack.local.errors import StackError

MODEL = "customer-model"
IMAGE = "customer-retraining:0.1.0"
PORTS = ("UI_PORT", "SERVING_PORT", "GATEWAY_PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT", "GRAFANA_PORT")
RUN_SECONDS = 1200.0
T = TypeVar("T")


def eventually(look: Callable[[], T], *, seconds: float, what: str) -> T:
    """The first true answer of `look`; an OSError (a TransportError is one) counts as none yet."""
    deadline, last = time.monotonic() + seconds, ""
    while time.monotonic() < deadline:
        try:
            if answer := look():
                return answer
            last = repr(answer)
        except OSError as error:
            last = str(error)
        time.sleep(1)
    raise AssertionError(f"{what}: not within {seconds:g} s (at last: {last})")


class Containers:
    """`docker compose` on the project's own file; everything else is asked over the published ports."""

    def __init__(self, directory: Path, project: str = "customer-retraining-test") -> None:
        self.directory, self.project = directory, project
        subprocess.run([PROJECT / "stack/compose/secrets.sh", directory], check=True, stdout=subprocess.DEVNULL)
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
        self.ports = {name: int(sock.getsockname()[1]) for name, sock in zip(PORTS, sockets, strict=True)}
        for sock in sockets:
            sock.close()
        chosen = {name: str(port) for name, port in self.ports.items()}
        chosen |= {"SECRETS": str(directory / "secrets"), "RETRAIN_DATA": "sample", "RETRAIN_NOTIFY": "webhook:news"}
        profiles = os.environ.get("PROFILES") or "grafana"
        chosen |= {"COMPOSE_PROFILES": profiles}
        chosen |= {"AIRFLOW_EXECUTOR": "CeleryExecutor" if "celery" in profiles else "LocalExecutor"}
        chosen |= {"COMPOSE_PROJECT_NAME": project, "COMPOSE_ENV_FILES": str(directory / ".env")}
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("COMPOSE_", "RETRAIN", "AIRFLOW"))}
        user = dict(line.split("=", 1) for line in (directory / ".env").read_text().splitlines() if line[0] != "#")
        self.environment = kept | chosen | user
        password = (directory / "secrets" / "admin_password").read_text()
        self.airflow = AirflowApi(f"http://127.0.0.1:{self.ports['UI_PORT']}", password)

    def run(self, *command: str | Path, seconds: float = 600, check: bool = True) -> str:
        """Runs a command in the environment of this stack and returns its output."""
        done = subprocess.run(
            command,
            cwd=PROJECT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def compose(self, *arguments: str, seconds: float = 600) -> str:
        """Runs `docker compose` on this stack and returns its output."""
        return self.run("docker", "compose", *arguments, seconds=seconds)

    def python(self, code: str, *, service: str = "airflow-scheduler") -> str:
        """Runs Python code inside a container of our image and returns what it prints."""
        return self.compose("exec", "-T", service, "python", "-c", code)

    def up(self, *arguments: str) -> None:
        """Builds and starts the stack and waits until every service is healthy; else the error has the logs."""
        self.compose("up", "--detach", "--build", *arguments, seconds=3600)
        try:
            eventually(lambda: not self.unhealthy(), seconds=300, what=f"healthy: {self.unhealthy()}")
        except AssertionError as error:
            logs = self.compose("logs", "--no-color", "--tail", "40", *self.unhealthy())
            raise AssertionError(f"{error}\n{self.unhealthy()}\n{logs}") from None

    def down(self) -> None:
        """Removes the stack with its volumes."""
        self.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "20")

    def states(self) -> dict[str, str]:
        """The state of each service: healthy, unhealthy, starting, or without a check the container's state."""
        lines = self.compose("ps", "--all", "--format", "json").splitlines()
        rows = [row for line in lines for row in (lambda v: v if isinstance(v, list) else [v])(json.loads(line))]
        return {row["Service"]: row["Health"] or f"{row['State']} ({row['ExitCode']})" for row in rows}

    def unhealthy(self) -> list[str]:
        """The services that are neither healthy nor done."""
        return sorted(name for name, state in self.states().items() if state not in ("healthy", "exited (0)"))

    def sql(self, statement: str) -> str:
        """What psql prints, without headings."""
        return self.compose("exec", "-T", "postgres", "psql", "-qAt", "-U", "airflow", "-c", statement).strip()

    def wait_for(self, run_id: str) -> str:
        """The final state of a run of the DAG."""

        def final() -> str:
            try:
                state = self.airflow.state(run_id)
            except StackError as error:
                raise OSError(str(error)) from error
            return state if state in ("success", "failed") else ""

        return eventually(final, seconds=RUN_SECONDS, what=f"run {run_id}")

    def times(self, run_id: str) -> tuple[float, float]:
        """When the run began and ended, in seconds since 1970."""
        run = self.airflow._call("GET", f"/api/v2/dags/customer_retraining/dagRuns/{run_id}").json()
        began, ended = (datetime.fromisoformat(run[name]).timestamp() for name in ("start_date", "end_date"))
        return began, ended

    def tasks(self, run_id: str) -> dict[str, str]:
        """The state of each task of a run."""
        return {task["task_id"]: task["state"] for task in self._task_instances(run_id)}

    def steps(self, run_id: str) -> dict[str, str]:
        """The states of the steps, without the tasks that tell of the run."""
        return {task: state for task, state in self.tasks(run_id).items() if task in STEPS}

    def tries(self, run_id: str) -> dict[str, int]:
        """The number of tries of each task of a run."""
        return {task["task_id"]: task["try_number"] for task in self._task_instances(run_id)}

    def _task_instances(self, run_id: str) -> list[dict[str, Any]]:
        try:
            answer = self.airflow._call("GET", f"/api/v2/dags/customer_retraining/dagRuns/{run_id}/taskInstances")
        except StackError as error:  # it is just being killed, or started again
            raise OSError(str(error)) from error
        instances = (answer.json() or {}).get("task_instances")
        if instances is None:
            raise OSError(f"Airflow answered {answer.status}")
        assert isinstance(instances, list)
        return instances

    def history(self) -> list[dict[str, Any]]:
        """The ledger, oldest event first."""
        ml = (".venv-ml/bin/python", "-m", "ml", "history", "--json")
        events = json.loads(self.compose("exec", "-T", "airflow-scheduler", *ml))
        assert isinstance(events, list)
        return events

    def known_rows(self, version: int) -> tuple[list[dict[str, Any]], list[float]]:
        """Customers, and the probabilities that training computed for them."""
        place = f"/var/lib/retraining/releases/{version}/replay.json"
        content = json.loads(self.compose("exec", "-T", "airflow-scheduler", "cat", place))
        return content["instances"], content["probability"]

    def container(self, service: str) -> dict[str, Any]:
        """What `docker inspect` says of the service's one container."""
        [found] = json.loads(self.run("docker", "inspect", self.compose("ps", "--all", "--quiet", service).strip()))
        assert isinstance(found, dict)
        return found

    def started(self, service: str) -> str:
        """When the container of a service was last started."""
        return str(self.container(service)["State"]["StartedAt"])

    def kill(self, service: str) -> None:
        """SIGKILL for its first process, from outside, as the kernel does when memory runs out.

        Not `docker kill`: what that ended is not started again.
        """
        code = f"import os, signal; os.kill({self.container(service)['State']['Pid']}, signal.SIGKILL)"
        outside = ("--pid=host", "--privileged", "--network=none", "--user=0:0")
        self.run("docker", "run", "--rm", *outside, IMAGE, "python", "-c", code)

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The labels and the value of each series that Prometheus finds now."""
        url = f"http://127.0.0.1:{self.ports['PROMETHEUS_PORT']}/api/v1/query"
        answer = request("GET", f"{url}?{urlencode({'query': expression})}").json()
        return [(series["metric"], float(series["value"][1])) for series in answer["data"]["result"]]

    def alerts(self) -> set[str]:
        """Names of the alerts that Alertmanager holds as active."""
        url = f"http://127.0.0.1:{self.ports['ALERTMANAGER_PORT']}/api/v2/alerts?active=true"
        return {alert["labels"]["alertname"] for alert in request("GET", url).json()}

    def score(self, csv: bytes, *, token: str) -> Response:
        """What the gateway answers to a file of which the best fifth is wanted."""
        gateway = Address.of(f"http://127.0.0.1:{self.ports['GATEWAY_PORT']}")
        headers = {"Content-Type": "text/csv", "Authorization": f"Bearer {token}"}
        return send(gateway, "POST", "/v1/score?top=20%25", csv, headers=headers, timeout=120)

    def serving(self, path: str = "", body: Any = None) -> Any:
        """What the model server answers under the model's URL; None when that is not JSON."""
        url = f"http://127.0.0.1:{self.ports['SERVING_PORT']}/v1/models/{MODEL}{path}"
        return request("GET" if body is None else "POST", url, json_body=body).json()
