"""`make demo`: one run of the DAG through the real Airflow, from data to an answer of the new version."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from ml.config.settings import resolve
from ml.pipeline.outcome import FAILED, end_of
from ml.storage.root import PROJECT, Root
from serving.client.model_client import ModelServer
from stack.local import run_summary
from stack.local.airflow.database import migrate_if_needed
from stack.local.airflow.environment import airflow_environment
from stack.local.data_source import DataChoice, choose_data, conf_of, is_forced
from stack.local.errors import StackError, as_interrupt, run_command
from stack.local.model_server import start_model_server
from stack.local.paths import AIRFLOW, DAG_ID, Places
from stack.local.processes.ports import SERVING, local_url, need_free, port_of
from stack.local.processes.process import Process, start, stop
from stack.local.run_follower import POLL_SECONDS, Follower
from stack.local.run_summary import ANSWER_SECONDS, print_answer, print_failure

RUN_SECONDS = 3600.0
AIRFLOW_SECONDS = 4.0
TAIL_LINES = 12


def main() -> int:
    """0 when there is a result (promoted, rejected, withheld, unchanged), 2 when a retry cannot help, else 1."""
    signal.signal(signal.SIGTERM, as_interrupt)
    began = time.monotonic()
    places = Places(Root.find(), home="airflow-demo")
    model = resolve().serving.model
    port = port_of(SERVING)
    need_free(port, SERVING[0], "the model server")
    data = choose_data(os.environ.get("DATA"), places.root)
    print(f"Data: {data.why}", flush=True)
    places.prepare()
    client = ModelServer(local_url(port), model, timeout=ANSWER_SECONDS)
    with ExitStack() as ours:
        server, _ = start_model_server(places, model, port, dies_with_us=True)
        ours.callback(stop, [server])
        follower, code = _run_dag(places, data, client, server, ours)
        if code or not follower.results:
            if not follower.results:
                _print_tail(places)
            return print_failure(follower, places, where=str(_log(places)))
        print()
        for line in run_summary.lines(follower.results, root=places.root, run_id=str(follower.run_id), model=model):
            print(line)
        serve = "make serve" if port == SERVING[1] else f"{SERVING[0]}={port} make serve"
        print_answer(client, places, hint=f" (the server ends with the demo; `{serve}` starts it again)")
        end = end_of(follower.results)
        print(f"\n{(end.outcome if end else FAILED).capitalize()} after {time.monotonic() - began:.0f} s.")
    return 0


def _run_dag(
    places: Places, data: DataChoice, client: ModelServer, server: Process, ours: ExitStack
) -> tuple[Follower, int]:
    environment = airflow_environment(places, serving_url=client.url)
    migrate_if_needed(places, environment)
    follower = Follower(places.root)
    ours.callback(follower.close)
    conf = json.dumps(conf_of(data, force=is_forced()))
    print(f"Airflow runs the DAG {DAG_ID}; its log is {_log(places)}", flush=True)
    airflow, child = start(
        "airflow",
        [AIRFLOW, "dags", "test", DAG_ID, "--conf", conf],
        environment=environment,
        directory=PROJECT,
        log=_log(places),
        dies_with_us=True,
    )
    # `dags test` takes SIGTERM for the end of one task and goes on with the next try, so it is not given long.
    ours.callback(stop, [airflow], seconds=AIRFLOW_SECONDS)
    deadline = time.monotonic() + RUN_SECONDS
    while (code := _exit_code(child)) is None:
        follower.look()
        if not server.is_alive():
            raise StackError(f"The model server has died; see {places.logs / 'model-server.log'}")
        if time.monotonic() > deadline:
            raise StackError(f"The run was not done after {RUN_SECONDS:g} s and has been stopped.")
    follower.look()
    follower.close()
    return follower, code


def _exit_code(child: subprocess.Popen[bytes]) -> int | None:
    try:
        return child.wait(POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _log(places: Places) -> Path:
    return places.logs / "demo-airflow.log"


def _print_tail(places: Places) -> None:
    text = _log(places).read_text(errors="replace")
    print("\nThe end of Airflow's log:")
    for line in text.splitlines()[-TAIL_LINES:]:
        print(f"  {line[:300]}")


if __name__ == "__main__":
    sys.exit(run_command(main))
