"""`make up`: Airflow with its UI and the model server in the background, on loopback only."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from ml.config.settings import resolve
from ml.storage import locks
from ml.storage.root import PROJECT, Root
from serving.client.model_client import ModelServer
from stack.local.airflow.api import USER, AirflowApi
from stack.local.airflow.database import migrate_if_needed
from stack.local.airflow.environment import airflow_environment, with_interface
from stack.local.data_source import choose_data
from stack.local.down import take_down
from stack.local.errors import StackError, as_interrupt, run_command
from stack.local.model_server import start_model_server
from stack.local.paths import AIRFLOW, DAG_ID, Places
from stack.local.processes.ports import HOST, SERVING, UI, local_url, need_free, port_of
from stack.local.processes.process import Process, start
from stack.local.processes.process_record import Running

DEADLINE_SECONDS = 240.0
POLL_SECONDS = 1.0
LIVE_SECONDS = 2.0


def main() -> int:
    """0 when all of it answers."""
    signal.signal(signal.SIGTERM, as_interrupt)
    places = Places(Root.find())
    places.prepare()
    with locks.hold(places.lock, who="make up", wait_seconds=1):
        running = Running.read(places.running)
        if running and running.alive():
            return _already_up(running, places)
        ui, serving = port_of(UI), port_of(SERVING)
        if ui == serving:
            raise StackError(f"{UI[0]} and {SERVING[0]} are both {ui}. Give two different ports.")
        need_free(ui, UI[0], "Airflow")
        need_free(serving, SERVING[0], "the model server")
        since = datetime.now(UTC)
        try:
            running = _start(places, ui, serving)
            _wait(running, places, since)
        except BaseException:
            take_down(places)
            raise
    print("Up.\n")
    _print_log_in(running, places)
    return 0


def _start(places: Places, ui: int, serving: int) -> Running:
    settings = resolve()
    data = choose_data(os.environ.get("DATA"), places.root)
    print(f"Data of scheduled runs: {data.why}", flush=True)
    started: list[Process] = []

    def remember(process: Process) -> None:
        started.append(process)  # at once, so that an interrupted start can be taken down
        Running(tuple(started), ui, serving).write(places.running)

    server, _ = start_model_server(places, settings.serving.model, serving, dies_with_us=False)
    remember(server)
    environment = airflow_environment(places, serving_url=local_url(serving))
    environment = with_interface(environment, places, ui_url=local_url(ui))
    environment["RETRAIN__DATA__SOURCE"] = data.source
    _make_password(places)
    migrate_if_needed(places, environment)
    for name, arguments in {
        "api-server": ["--host", HOST, "--port", str(ui), "--workers", "1"],
        "scheduler": ["--skip-serve-logs"],  # logs are read from the disk; no more ports
        "dag-processor": [],
        "triggerer": ["--skip-serve-logs"],
    }.items():
        process, _ = start(
            f"airflow {name}",
            [AIRFLOW, name, *arguments],
            environment=environment,
            directory=PROJECT,
            log=places.logs / f"airflow-{name}.log",
        )
        remember(process)
    return Running(tuple(started), ui, serving)


def _wait(running: Running, places: Places, since: datetime) -> None:
    """Wait until every part has shown signs of life of its own; heartbeats of a former run do not count."""
    print(f"Waiting for Airflow and the model server (about a minute; logs in {places.logs}) ...", flush=True)
    api = AirflowApi.of(local_url(running.ui_port), places)
    client = ModelServer(local_url(running.serving_port), resolve().serving.model, timeout=LIVE_SECONDS)
    deadline = time.monotonic() + DEADLINE_SECONDS
    checks: dict[str, Callable[[], bool]] = {
        "the model server": client.is_live,
        "Airflow's log-in": api.log_in,
        "Airflow's heartbeats": lambda: not api.unhealthy(since),
        f"the DAG {DAG_ID}": lambda: api.dag() is not None,
    }
    for what, check in checks.items():
        while not check():
            dead = [process for process in running.processes if not process.is_alive()]
            if dead:
                log = places.logs / f"{dead[0].name.replace(' ', '-')}.log"
                raise StackError(f"{dead[0].name} has ended by itself; see {log}. All of it has been stopped.")
            if time.monotonic() > deadline:
                raise StackError(
                    f"{what} is not there after {DEADLINE_SECONDS:g} s; see {places.logs}. All of it has been stopped."
                )
            time.sleep(POLL_SECONDS)


def _already_up(running: Running, places: Places) -> int:
    dead = [process.name for process in running.processes if not process.is_alive()]
    if dead:
        raise StackError(f"Up, but {' and '.join(dead)} died. `make down` ends the rest; then `make up` again.")
    print("Already up.\n")
    _print_log_in(running, places)
    return 0


def _print_log_in(running: Running, places: Places) -> None:
    password = json.loads(places.passwords.read_bytes())[USER]
    client = ModelServer(local_url(running.serving_port), resolve().serving.model)
    print(f"  Airflow       {local_url(running.ui_port)}/dags/{DAG_ID}")
    print(f"  log in as     {USER} / {password}")
    print(f"  model server  {client.model_url}")
    print(f"  logs          {places.logs}")
    print("\n`make retrain` starts a run and follows it; `make down` ends all of this.")


def _make_password(places: Places) -> None:
    if not places.passwords.exists():
        handle = os.open(places.passwords, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump({USER: secrets.token_urlsafe(12)}, file)


if __name__ == "__main__":
    sys.exit(run_command(main))
