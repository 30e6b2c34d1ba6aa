"""`make retrain`: start a run in the Airflow of `make up`, and follow it to its end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from ml.config.settings import resolve
from ml.storage.root import Root
from serving.client.model_client import ModelServer
from stack.local import run_summary
from stack.local.airflow.api import AirflowApi
from stack.local.data_source import dag_run_conf, find_data_source, is_forced
from stack.local.errors import NoAnswerError, StackError, run_command
from stack.local.paths import DAG_ID, Paths
from stack.local.processes.ports import local_url
from stack.local.processes.process_record import ProcessRecord
from stack.local.run_follower import POLL_SECONDS, RunFollower
from stack.local.run_summary import ANSWER_SECONDS, print_answer, print_failure

DEADLINE_SECONDS = 3 * 3600.0
STATE_SECONDS = 1.0
SILENCE_SECONDS = 120.0
"""How long Airflow may leave the question about the run unanswered: on a busy machine an answer takes its time."""


def main() -> int:
    """Run and follow; 0 after a result, 2 if a retry cannot help, else 1. Ctrl-C stops following, not the run."""
    paths = Paths(Root.find())
    record = ProcessRecord.read(paths.process_record)
    if record is None or not record.alive():
        raise StackError("Airflow is not up. `make up` starts it; `make demo` runs everything once without it.")
    api = AirflowApi.of(local_url(record.ui_port), paths)
    given = os.environ.get("DATA")
    conf = dag_run_conf(find_data_source(given, paths.root) if given else None, force=is_forced())
    run_id = _trigger(api, paths, conf)
    print(f"Run {run_id} ({local_url(record.ui_port)}/dags/{DAG_ID}/runs/{run_id})", flush=True)
    follower = RunFollower(paths.root, run_id)
    try:
        state = _follow(api, follower, run_id, lambda: bool(record.alive()))
    except KeyboardInterrupt:
        print("\nStopped following; the run continues in Airflow.")
        return 130
    if state != "success":
        return print_failure(follower, paths, where=f"the task's log in Airflow, run {run_id}")
    model = resolve().serving.model
    print()
    for line in run_summary.summary_lines(follower.results, root=paths.root, run_id=run_id, model=model):
        print(line)
    print_answer(ModelServer(local_url(record.serving_port), model, timeout=ANSWER_SECONDS), paths, hint="")
    return 0


def _trigger(api: AirflowApi, paths: Paths, conf: dict[str, object]) -> str:
    dag = api.dag()
    if dag is None:
        raise StackError(f"Airflow has not parsed the DAG, or cannot; see {paths.logs / 'airflow-dag-processor.log'}.")
    if dag["is_paused"]:
        print("The DAG was paused; it is switched on now, and so is its weekly schedule.")
        api.unpause()
    active = api.active_run_ids()
    if active:
        print(f"Waiting for run {active[0]} to finish: one run at a time.", flush=True)
    return api.trigger(conf)


def _follow(api: AirflowApi, follower: RunFollower, run_id: str, is_up: Callable[[], bool]) -> str:
    started = asked = answered = time.monotonic()
    while time.monotonic() - started < DEADLINE_SECONDS:
        follower.poll()
        if time.monotonic() - asked >= STATE_SECONDS:
            try:
                state = api.state(run_id)
                answered = time.monotonic()
            except NoAnswerError:
                if time.monotonic() - answered > SILENCE_SECONDS or not is_up():
                    raise
                state = ""
            asked = time.monotonic()
            if state in ("success", "failed"):
                follower.poll()
                follower.close()
                return state
        time.sleep(POLL_SECONDS)
    raise StackError(f"Run {run_id} did not finish within {DEADLINE_SECONDS:g} s; it continues in Airflow.")


if __name__ == "__main__":
    sys.exit(run_command(main))
