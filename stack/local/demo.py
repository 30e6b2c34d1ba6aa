"""`make demo`: one run of the DAG in the real Airflow, from the data to a prediction of the new version.

It has a root of its own, so that what somebody tries never meets the model that serves.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from ml.config.settings import resolve
from ml.pipeline.outcome import FAILED, end_of
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import PROJECT, Root
from serving.client.model_client import ModelServer
from stack.local import run_summary
from stack.local.airflow.database import migrate_if_needed
from stack.local.airflow.environment import airflow_environment
from stack.local.data_source import DataSource, dag_run_conf, find_data_source, is_forced
from stack.local.errors import StackError, run_command
from stack.local.paths import AIRFLOW, DAG_ID, Paths
from stack.local.processes.interrupts import interrupt_once
from stack.local.processes.ports import SERVING_PORT, local_url, read_port, require_free_port
from stack.local.processes.process import Process, start, stop
from stack.local.run_follower import POLL_SECONDS, RunFollower
from stack.local.run_summary import ANSWER_SECONDS, print_answer, print_failure
from stack.local.servers import start_model_server

RUN_SECONDS = 3600.0
AIRFLOW_SECONDS = 4.0
TAIL_LINES = 12
DEMO_ROOT = PROJECT / "var" / "demo"


def main() -> int:
    """Run the demo; 0 after a result (promoted, rejected, same...), 2 if a retry cannot help, else 1."""
    interrupt_once()
    began = time.monotonic()
    paths = Paths(Root.find(str(demo_root().path)), home="airflow-demo")
    model = resolve().serving.model
    port = read_port(SERVING_PORT)
    require_free_port(port, SERVING_PORT.variable, "the model server")
    source = find_data_source(os.environ.get("DATA"), paths.root)
    print(f"Data: {source.reason}", flush=True)
    paths.prepare()
    client = ModelServer(local_url(port), model, timeout=ANSWER_SECONDS)
    with ExitStack() as ours:
        server, _ = start_model_server(paths, model, port, dies_with_parent=True)
        ours.callback(stop, [server])
        follower, code = _run_dag(paths, source, client, server, ours)
        if code or not follower.results:
            if not follower.results:
                _print_tail(paths)
            return print_failure(follower, paths, where=str(_log(paths)))
        print()
        for line in run_summary.summary_lines(
            follower.results, root=paths.root, run_id=str(follower.run_id), model=model
        ):
            print(line)
        print_answer(client, paths, hint=" (the server ends with the demo)")
        for line in next_commands(paths, port):
            print(line)
        end = end_of(follower.results)
        print(f"\n{(end.outcome if end else FAILED).capitalize()} after {time.monotonic() - began:.0f} s.")
    return 0


def _run_dag(
    paths: Paths, source: DataSource, client: ModelServer, server: Process, ours: ExitStack
) -> tuple[RunFollower, int]:
    environment = airflow_environment(paths, serving_url=client.url)
    migrate_if_needed(paths, environment)
    follower = RunFollower(paths.root)
    ours.callback(follower.close)
    conf = json.dumps(dag_run_conf(source, force=is_forced()))
    print(f"Airflow runs the DAG {DAG_ID}; its log is {_log(paths)}", flush=True)
    airflow, child = start(
        "airflow",
        [AIRFLOW, "dags", "test", DAG_ID, "--conf", conf],
        environment=environment,
        directory=PROJECT,
        log=_log(paths),
        dies_with=signal.SIGKILL,
    )
    # `dags test` takes SIGTERM for the end of one task and goes on with the next try, so it is not given long.
    ours.callback(stop, [airflow], seconds=AIRFLOW_SECONDS)
    deadline = time.monotonic() + RUN_SECONDS
    while (code := _exit_code(child)) is None:
        follower.poll()
        if not server.is_alive():
            raise StackError(f"The model server has ended by itself; see {paths.logs / 'model-server.log'}.")
        if time.monotonic() > deadline:
            raise StackError(f"The run did not finish within {RUN_SECONDS:g} s and was stopped.")
    follower.poll()
    follower.close()
    return follower, code


def demo_root() -> Root:
    """The root of the demo: the one that RETRAIN_ROOT names, else `var/demo`."""
    return Root.to_read(os.environ.get("RETRAIN_ROOT") or str(DEMO_ROOT))


def next_commands(paths: Paths, port: int) -> Iterator[str]:
    """The commands that go on with what the demo made, each as it is typed in the project's directory."""
    if Ledger(paths.root.ledger).champion() is None:
        return
    root = paths.root.path
    shown = root.relative_to(PROJECT) if root.is_relative_to(PROJECT) else root
    variables = f"RETRAIN_ROOT={shlex.quote(str(shown))} "
    if port != SERVING_PORT.default:
        variables += f"{SERVING_PORT.variable}={port} "
    yield "\nServe it again, and score a file of customers (in another terminal):"
    yield f"  {variables}make serve"
    yield f"  {variables}.venv-ml/bin/python -m serving.score docs/customers.csv --out top.csv --top 20%"


def _exit_code(child: subprocess.Popen[bytes]) -> int | None:
    try:
        return child.wait(POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _log(paths: Paths) -> Path:
    return paths.logs / "demo-airflow.log"


def _print_tail(paths: Paths) -> None:
    text = _log(paths).read_text(errors="replace")
    print("\nThe end of Airflow's log:")
    for line in text.splitlines()[-TAIL_LINES:]:
        print(f"  {line[:300]}")


if __name__ == "__main__":
    sys.exit(run_command(main))
