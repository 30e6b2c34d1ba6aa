"""What Airflow itself costs: for each task its time in Airflow minus the time of the step's own process.

    PYTHONPATH=.:plugins .venv/bin/python -m benchmarks.dag_overhead [--runs 3]

Starts Airflow and the model server on free ports with a directory of their own (as `make up` does), runs the DAG on the
built-in sample, and asks Airflow's REST API when each task was queued, started and done. Medians over the runs.

- waiting: from the end of the task before (or the start of the run) to the start of this one
- around: from Airflow's start to its end of the task, minus the step's process
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from ml.pipeline.step_names import STEPS
from ml.storage.root import PROJECT, Root
from stack.local.airflow.api import AirflowApi
from stack.local.paths import Paths
from stack.local.processes.ports import GATEWAY_PORT, HOST, SERVING_PORT, UI_PORT

RUN_SECONDS = 900.0
Times = dict[str, tuple[float, float, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ui = free_port()
        os.environ |= {"RETRAIN_ROOT": folder, UI_PORT.variable: str(ui)}
        os.environ |= {choice.variable: str(free_port()) for choice in (SERVING_PORT, GATEWAY_PORT)}
        run_stack_command("up")
        try:
            api = AirflowApi.of(f"http://{HOST}:{ui}", Paths(Root(Path(folder))))
            api.unpause()
            found = [measure(api) for _ in range(given.runs)]
        finally:
            run_stack_command("down")
    print(f"\nmedians of {given.runs} runs, seconds")
    print(f"{'task':10} {'waiting':>8} {'process':>8} {'around':>8} {'overhead':>9}")
    total = [0.0, 0.0, 0.0]
    for step in STEPS:
        marks = [statistics.median(run[step][part] for run in found) for part in range(3)]
        total = [a + b for a, b in zip(total, marks, strict=True)]
        show(step, *marks)
    show("all", *total)


def measure(api: AirflowApi) -> Times:
    """One forced run: for each step the seconds of waiting, of its process, and of Airflow around that."""
    run_id = api.trigger({"data": "sample", "force": True})
    deadline = time.monotonic() + RUN_SECONDS
    while (state := api.state(run_id)) not in ("success", "failed"):
        if time.monotonic() > deadline:
            sys.exit(f"Run {run_id} was not done after {RUN_SECONDS:g} s.")
        time.sleep(0.5)
    tasks = {task["task_id"]: task for task in api.task_instances(run_id)}
    if state != "success" or any(tasks[step]["state"] != "success" for step in STEPS):
        states = {step: tasks[step]["state"] for step in STEPS}
        sys.exit(f"Run {run_id}: {state}, {states}")
    times: Times = {}
    before = datetime.fromisoformat(tasks[STEPS[0]]["queued_when"])
    for step in STEPS:
        start, end = (datetime.fromisoformat(tasks[step][when]) for when in ("start_date", "end_date"))
        process = float(api.return_value(run_id, step)["process_seconds"])
        times[step] = ((start - before).total_seconds(), process, (end - start).total_seconds() - process)
        before = end
    return times


def show(name: str, waiting: float, process: float, around: float) -> None:
    print(f"{name:10} {waiting:8.2f} {process:8.2f} {around:8.2f} {waiting + around:9.2f}")


def run_stack_command(command: str) -> None:
    subprocess.run([sys.executable, "-m", f"stack.local.{command}"], cwd=PROJECT, check=True)


def free_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


if __name__ == "__main__":
    main()
