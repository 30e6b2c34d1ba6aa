"""`make up`: Airflow with its UI, the model server and the gateway in the background, on loopback only."""

from __future__ import annotations

import json
import os
import secrets
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
from stack.local.airflow.environment import airflow_environment, with_api_server
from stack.local.data_source import find_data_source
from stack.local.down import stop_stack
from stack.local.errors import StackError, run_command
from stack.local.paths import AIRFLOW, DAG_ID, Paths
from stack.local.processes.interrupts import interrupt_once, interrupts_wait, uninterrupted
from stack.local.processes.ports import (
    GATEWAY_PORT,
    HOST,
    SERVING_PORT,
    UI_PORT,
    PortVariable,
    local_url,
    read_free_ports,
    read_port,
)
from stack.local.processes.process import Process, start
from stack.local.processes.process_record import ProcessRecord
from stack.local.servers import start_gateway, start_model_server

DEADLINE_SECONDS = 240.0
POLL_SECONDS = 1.0
LIVE_SECONDS = 2.0


def main() -> int:
    """Start the stack; the exit code is 0 when every part of it answers."""
    interrupt_once()
    paths = Paths(Root.find())
    paths.prepare()
    with locks.hold(paths.lock, who="make up", wait_seconds=1):
        record = ProcessRecord.read(paths.process_record)
        if record and record.alive():
            return _already_up(record, paths)
        ui, serving, gateway = read_free_ports(
            {UI_PORT: "Airflow", SERVING_PORT: "the model server", GATEWAY_PORT: "the gateway"}
        )
        since = datetime.now(UTC)
        try:
            record = _start(paths, ui, serving, gateway)
            _wait(record, paths, since)
        except BaseException:
            with uninterrupted():
                stop_stack(paths)
            raise
    print("Up.\n")
    _print_log_in(record, paths)
    return 0


def _start(paths: Paths, ui: int, serving: int, gateway: int) -> ProcessRecord:
    model = resolve().serving.model
    source = find_data_source(os.environ.get("DATA"), paths.root)
    print(f"Data of scheduled runs: {source.reason}", flush=True)
    started: list[Process] = []

    def remember(process: Process) -> None:
        started.append(process)
        ProcessRecord(tuple(started), ui, serving, gateway).write(paths.process_record)

    with interrupts_wait():  # a process that nobody wrote down could not be taken down
        server, _ = start_model_server(paths, model, serving, dies_with_parent=False)
        remember(server)
    with interrupts_wait():
        door, _ = start_gateway(paths, model, gateway, serving_port=serving, dies_with_parent=False)
        remember(door)
    environment = airflow_environment(paths, serving_url=local_url(serving))
    environment = with_api_server(environment, paths, ui_url=local_url(ui))
    environment["RETRAIN__DATA__SOURCE"] = source.setting
    _make_password(paths)
    migrate_if_needed(paths, environment)
    for name, arguments in {
        "api-server": ["--host", HOST, "--port", str(ui), "--workers", "1"],
        "scheduler": ["--skip-serve-logs"],  # logs are read from the disk; no more ports
        "dag-processor": [],
        "triggerer": ["--skip-serve-logs"],
    }.items():
        with interrupts_wait():
            process, _ = start(
                f"airflow {name}",
                [AIRFLOW, name, *arguments],
                environment=environment,
                directory=PROJECT,
                log=paths.logs / f"airflow-{name}.log",
            )
            remember(process)
    return ProcessRecord(tuple(started), ui, serving, gateway)


def _wait(record: ProcessRecord, paths: Paths, since: datetime) -> None:
    """Wait until every part answers; heartbeats from before this start do not count."""
    print(f"Waiting for Airflow, model server and gateway (about a minute; logs in {paths.logs}) ...", flush=True)
    api = AirflowApi.of(local_url(record.ui_port), paths)
    model = resolve().serving.model
    client = ModelServer(local_url(record.serving_port), model, timeout=LIVE_SECONDS)
    through_gateway = ModelServer(local_url(record.gateway_port), model, timeout=LIVE_SECONDS)
    deadline = time.monotonic() + DEADLINE_SECONDS
    checks: dict[str, Callable[[], bool]] = {
        "the model server": client.is_live,
        "the gateway": through_gateway.is_live,
        "Airflow's log-in": api.log_in,
        "Airflow's heartbeats": lambda: not api.unhealthy(since),
        f"the DAG {DAG_ID}": lambda: api.dag() is not None,
    }
    for what, check in checks.items():
        while not check():
            dead = [process for process in record.processes if not process.is_alive()]
            if dead:
                log = paths.logs / f"{dead[0].name.replace(' ', '-')}.log"
                raise StackError(f"{dead[0].name} has ended by itself; see {log}. Everything has been stopped.")
            if time.monotonic() > deadline:
                raise StackError(
                    f"Gave up waiting for {what} after {DEADLINE_SECONDS:g} s; see {paths.logs}. "
                    "Everything has been stopped."
                )
            time.sleep(POLL_SECONDS)


def _already_up(record: ProcessRecord, paths: Paths) -> int:
    dead = [process.name for process in record.processes if not process.is_alive()]
    if dead:
        raise StackError(f"Up, but {' and '.join(dead)} ended. `make down` stops the rest; then run `make up` again.")
    asked = {choice.variable: (read_port(choice), port) for choice, port in _chosen_ports(record)}
    other = [f"{variable}={wanted}" for variable, (wanted, port) in asked.items() if wanted != port]
    print(f"Already up{', but not with ' + ' and '.join(other) if other else ''}.\n")
    _print_log_in(record, paths)
    if other:
        print("\nTo change the ports: `make down`, then `make up` again.")
    return 1 if other else 0


def _chosen_ports(record: ProcessRecord) -> list[tuple[PortVariable, int]]:
    """The variables that are set, and the port that the running stack has instead."""
    ports = ((UI_PORT, record.ui_port), (SERVING_PORT, record.serving_port), (GATEWAY_PORT, record.gateway_port))
    return [(choice, port) for choice, port in ports if os.environ.get(choice.variable)]


def _print_log_in(record: ProcessRecord, paths: Paths) -> None:
    password = json.loads(paths.passwords.read_bytes())[USER]
    client = ModelServer(local_url(record.serving_port), resolve().serving.model)
    print(f"  Airflow       {local_url(record.ui_port)}/dags/{DAG_ID}")
    print(f"  log in as     {USER} / {password}")
    print(f"  model server  {client.model_url}")
    if record.gateway_port:
        print(f"  gateway       {local_url(record.gateway_port)}")
    print(f"  logs          {paths.logs}")
    print("\n`make retrain` starts a run and follows it; `make down` stops everything.")


def _make_password(paths: Paths) -> None:
    if not paths.passwords.exists():
        handle = os.open(paths.passwords, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump({USER: secrets.token_urlsafe(12)}, file)


if __name__ == "__main__":
    sys.exit(run_command(main))
