"""A real API server with users who may do everything, read, and nothing, over a root of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml.storage.root import PROJECT
from tests.airflow_home import variables
from tests.stack.local.stack import free_port

AIRFLOW = Path(sys.executable).with_name("airflow")
PASSWORDS = {"admin": "of-admin", "viewer": "of-viewer", "nobody": "of-nobody"}
START_SECONDS = 240


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass
class ApiServer:
    """An API server on loopback, and the root that its pages show."""

    port: int
    root: Path
    tokens: dict[str, str] = field(default_factory=dict)

    def ask(
        self, path: str, user: str | None = "admin", *, method: str = "GET", body: Any = None, bearer: bool = False
    ) -> Answer:
        """Send a request as a browser of this user does, with the cookie; or as a program does, with a bearer token."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if user is not None:
            token = self.tokens.get(user) or self.log_in(user)
            headers |= {"Authorization": f"Bearer {token}"} if bearer else {"Cookie": f"_token={token}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)

    def log_in(self, user: str) -> str:
        """Return a token of this user."""
        answer = self.ask("/auth/token", None, method="POST", body={"username": user, "password": PASSWORDS[user]})
        assert answer.status in (200, 201), answer.text
        self.tokens[user] = str(json.loads(answer.text)["access_token"])
        return self.tokens[user]


@contextmanager
def api_server(home: Path, root: Path, **more: str) -> Iterator[ApiServer]:
    """Start an API server, whose database must be there, wait until users can log in, and end it."""
    port = free_port()
    log = home / "api-server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [AIRFLOW, "api-server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"],
            cwd=PROJECT,
            env=environment(home, root) | more,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = ApiServer(port, root)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(server):
            assert process.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.5)
        yield server
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def environment(home: Path, root: Path) -> dict[str, str]:
    """The variables of an Airflow with its database below `home`, and the simple auth manager."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "RETRAIN"))}
    (home / "passwords.json").write_text(json.dumps(PASSWORDS))
    return (
        kept
        | variables(home)
        | {
            "PYTHONWARNINGS": "ignore",
            "RETRAIN_ROOT": str(root),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer,nobody:",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        }
    )


def migrate(home: Path, root: Path, **more: str) -> None:
    """Make the tables."""
    run(home, root, "db", "migrate", **more)


def run(home: Path, root: Path, *command: str, program: str = str(AIRFLOW), **more: str) -> None:
    """Run an `airflow` command, or another program with its environment, to its end."""
    done = subprocess.run(
        [program, *command],
        cwd=PROJECT,
        env=environment(home, root) | more,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def _answers(server: ApiServer) -> bool:
    try:
        return bool(server.log_in("admin"))
    except (OSError, AssertionError, http.client.HTTPException):
        return False
