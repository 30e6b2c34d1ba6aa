"""`make retrain`: start a run in the Airflow that `make up` started, and follow it to its end."""

from __future__ import annotations

import os
import sys
import time

from ml.config.settings import resolve
from ml.storage.root import Root
from serving.client.model_client import ModelServer
from stack.local import run_summary
from stack.local.airflow.api import AirflowApi
from stack.local.data_source import choose_data, conf_of, is_forced
from stack.local.errors import StackError, run_command
from stack.local.paths import DAG_ID, Places
from stack.local.processes.ports import local_url
from stack.local.processes.process_record import Running
from stack.local.run_follower import POLL_SECONDS, Follower
from stack.local.run_summary import ANSWER_SECONDS, print_answer, print_failure

DEADLINE_SECONDS = 3 * 3600.0
STATE_SECONDS = 1.0


def main() -> int:
    """0 when there is a result, 2 when a retry cannot help, else 1; Ctrl-C stops following, not the run."""
    places = Places(Root.find())
    running = Running.read(places.running)
    if running is None or not running.alive():
        raise StackError("Airflow is not up. `make up` starts it; `make demo` runs the loop without it.")
    api = AirflowApi.of(local_url(running.ui_port), places)
    given = os.environ.get("DATA")
    conf = conf_of(choose_data(given, places.root) if given else None, force=is_forced())
    run_id = _trigger(api, conf)
    print(f"Run {run_id} ({local_url(running.ui_port)}/dags/{DAG_ID}/runs/{run_id})", flush=True)
    follower = Follower(places.root, run_id)
    try:
        state = _follow(api, follower, run_id)
    except KeyboardInterrupt:
        print("\nNo longer following; the run goes on in Airflow.")
        return 130
    if state != "success":
        return print_failure(follower, places, where=f"the task's log in Airflow, run {run_id}")
    model = resolve().serving.model
    print()
    for line in run_summary.lines(follower.results, root=places.root, run_id=run_id, model=model):
        print(line)
    print_answer(ModelServer(local_url(running.serving_port), model, timeout=ANSWER_SECONDS), places, hint="")
    return 0


def _trigger(api: AirflowApi, conf: dict[str, object]) -> str:
    dag = api.dag()
    if dag is None:
        raise StackError("Airflow has not parsed the DAG yet, or cannot: see var/logs/airflow-dag-processor.log")
    if dag["is_paused"]:
        print("The DAG was paused; it is switched on now, for its Mondays too.")
        api.unpause()
    active = api.active_runs()
    if active:
        print(f"Waiting for {active[0]}: one run at a time.", flush=True)
    return api.trigger(conf)


def _follow(api: AirflowApi, follower: Follower, run_id: str) -> str:
    deadline, asked = time.monotonic() + DEADLINE_SECONDS, 0.0
    while time.monotonic() < deadline:
        follower.look()
        if time.monotonic() - asked >= STATE_SECONDS:
            state, asked = api.state(run_id), time.monotonic()
            if state in ("success", "failed"):
                follower.look()
                follower.close()
                return state
        time.sleep(POLL_SECONDS)
    raise StackError(f"Run {run_id} was not done after {DEADLINE_SECONDS:g} s; it goes on in Airflow.")


if __name__ == "__main__":
    sys.exit(run_command(main))
