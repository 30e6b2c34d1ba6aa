"""The kill drill: SIGKILL for one service after the other while a run is under way; prints a table for the runbook.

    python -m tests.stack.kill_drill [SERVICE ...]

Each kill has a run of its own, forced to promote a new version. It is given when the step `train` runs (for the model
server: when `confirm` is next). "Healthy after" is the time from the kill to a new container that calls itself
healthy; a lost run is one that does not end in a confirmed version.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.stack.containers import RUN_SECONDS, Containers, eventually

WHEN = "train"
NOT_KILLED = {"airflow-init"}


@dataclass(frozen=True)
class Row:
    """What one kill did."""

    service: str
    healthy_after: float
    run_seconds: float
    outcome: str
    tries: str
    version: str

    def __str__(self) -> str:
        """As a row of a Markdown table."""
        cells = (self.service, f"{self.healthy_after:.0f} s", f"{self.run_seconds:.0f} s", self.outcome, self.tries)
        return f"| {' | '.join((*cells, self.version))} |"


def main(services: list[str]) -> int:
    """0 when no kill lost anything."""
    with tempfile.TemporaryDirectory() as directory:
        stack = Containers(Path(directory), "customer-retraining-drill")
        stack.down()
        try:
            stack.up()
            eventually(stack.airflow.dag, seconds=120, what="the DAG")
            stack.airflow.unpause()
            print(
                "| killed | healthy after | run took | run | repeated steps | serves then |\n|---|---|---|---|---|---|"
            )
            print(_drill(stack, ""), flush=True)
            lost = 0
            for service in services or sorted(set(stack.states()) - NOT_KILLED):
                row = _drill(stack, service)
                lost += row.outcome != "success"
                print(row, flush=True)
        finally:
            stack.down()
    return 1 if lost else 0


def _drill(stack: Containers, service: str) -> Row:
    confirmed = _confirmed(stack)
    run_id = stack.airflow.trigger({"force": True, "epochs": 3})
    began = time.monotonic()
    recovered = 0.0
    if service:
        eventually(lambda: stack.tasks(run_id).get(WHEN) == "running", seconds=RUN_SECONDS, what=f"{WHEN} runs")
        before = stack.started(service)
        killed = time.monotonic()
        stack.kill(service)
        eventually(lambda: stack.started(service) != before, seconds=120, what=f"a new {service}")
        eventually(lambda: stack.states()[service] == "healthy", seconds=600, what=f"{service} healthy")
        recovered = time.monotonic() - killed
    outcome = stack.wait_for(run_id)
    took = time.monotonic() - began
    serves = eventually(lambda: stack.serving()["model_version_status"], seconds=120, what="the model server")
    now = _confirmed(stack)
    if now != confirmed + 1:
        outcome += f", {now - confirmed} versions confirmed"
    repeated = ", ".join(f"{task} ({tries})" for task, tries in stack.tries(run_id).items() if tries > 1) or "none"
    return Row(service or "nothing", recovered, took, outcome, repeated, f"{serves[0]['version']} of {now}")


def _confirmed(stack: Containers) -> int:
    return sum(event["event"] == "confirmed" for event in stack.history()) if stack.serving() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
