"""The kill drill: SIGKILL for one service after the other while runs are under way; prints a table for the runbook.

    PYTHONPATH=.:plugins .venv/bin/python -m tests.stack.docker.kill_drill [SERVICE ...]

Each run is forced to train and promote a new version. What takes part in a run is killed in a run of its own, all
others in one run, one right after the other; the first kill comes when the step `train` runs. "Healthy after" is the
time from the kill to a new container that calls itself healthy. "In Prometheus after" is the time from the end of the
run until Prometheus is seen to know the new version (state, from the exporter) and one more promoted run (event, over
StatsD). Lost is whatever is missing when the run is over: the run itself, its version, an entry of the ledger, or those
numbers.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.stack.docker.containers import RUN_SECONDS, Containers, eventually

WHEN = "train"
TAKE_PART = ["postgres", "redis", "airflow-api-server", "airflow-scheduler", "airflow-worker", "serving"]
ONCE = "airflow-init"
NUMBERS_SECONDS = 90  # two scrapes, and the minute in which a StatsD client asks for its exporter's address again
HEADER = "| killed | healthy after | run took | repeated steps | in Prometheus after | lost |\n|" + 6 * "---|"


def main(chosen: list[str]) -> int:
    """0 when no kill lost anything."""
    with tempfile.TemporaryDirectory() as directory:
        stack = Containers(Path(directory), "customer-retraining-drill")
        stack.down()
        try:
            stack.up()
            eventually(stack.airflow.dag, seconds=120, what="the DAG")
            stack.airflow.unpause()
            services = [name for name in stack.states() if name != ONCE and name in (chosen or stack.states())]
            alone = [[name] for name in TAKE_PART if name in services]
            together = [others] if (others := sorted(set(services) - set(TAKE_PART))) else []
            print(HEADER, flush=True)
            lost = [_run(stack, kills) for kills in ([], *alone, *together)]
        finally:
            stack.down()
    return 1 if any(lost) else 0


def _run(stack: Containers, services: list[str]) -> str:
    """One run with these kills; prints a row for each and returns what was lost."""
    before = stack.history()
    run_id = stack.airflow.trigger({"force": True})
    running = ("running", "success")  # it may be over between two looks
    eventually(lambda: stack.tasks(run_id).get(WHEN) in running, seconds=RUN_SECONDS, what=f"{WHEN} runs")
    healthy = _kill(stack, services)
    outcome = stack.wait_for(run_id)
    began, ended = stack.times(run_id)
    unknown = _unknown(stack, began)
    known = time.time() - ended
    repeated = ", ".join(f"{task} ({tries} tries)" for task, tries in stack.tries(run_id).items() if tries > 1)
    lost = ", ".join([*_lost(stack, before, outcome), *unknown])
    end = f"{ended - began:.0f} s | {repeated or 'none'} | {known:.0f} s | {lost or 'nothing'} |"
    for service, seconds in zip(services or ["nothing"], healthy or [""], strict=True):
        print(f"| {service} | {seconds} | {end}", flush=True)
    return lost


def _unknown(stack: Containers, began: float) -> list[str]:
    """What Prometheus does not know NUMBERS_SECONDS after the end of the run that began then."""
    deadline = time.monotonic() + NUMBERS_SECONDS
    version = stack.history()[-1].get("version")
    # An exporter that was killed counts from 0 again, which increase() understands.
    wanted = {
        "the state in Prometheus": f"retrain_promoted_version == {version}",
        "the event in Prometheus": 'increase(retrain_runs_total{outcome="promoted"}[{window}s]) > 0',
    }
    while wanted and time.monotonic() < deadline:
        window = f"{time.time() - began:.0f}"
        wanted = {what: asked for what, asked in wanted.items() if not _holds(stack, asked.replace("{window}", window))}
        time.sleep(1)
    return list(wanted)


def _holds(stack: Containers, expression: str) -> bool:
    try:
        return bool(stack.query(expression))
    except OSError:
        return False


def _kill(stack: Containers, services: list[str]) -> list[str]:
    """Kill all of them, and only then look when each is healthy again."""
    since, killed, healthy = {}, {}, dict[str, str]()
    for service in services:
        since[service], killed[service] = stack.started(service), time.monotonic()
        stack.kill(service)

    def all_healthy() -> bool:
        states = stack.states()
        for service in since.keys() - healthy.keys():
            if states[service] == "healthy" and stack.started(service) != since[service]:
                healthy[service] = f"{time.monotonic() - killed[service]:.0f} s"
        return len(healthy) == len(services)

    eventually(all_healthy, seconds=600, what=f"{services} healthy")
    return [healthy[service] for service in services]


def _lost(stack: Containers, before: list[dict[str, object]], outcome: str) -> list[str]:
    missing = [] if outcome == "success" else [f"the run ({outcome})"]
    events = stack.history()
    if events[: len(before)] != before:
        missing.append("entries of the ledger")
    confirmed = [event["version"] for event in events if event["event"] == "confirmed"]
    served = eventually(lambda: stack.serving()["model_version_status"], seconds=120, what="the model server")
    states = {int(one["version"]): one["state"] for one in served}
    if len(confirmed) != 1 + sum(event["event"] == "confirmed" for event in before):
        missing.append("the new version")
    elif states.get(confirmed[-1]) != "AVAILABLE":
        missing.append(f"what serves (version {confirmed[-1]} is {states.get(confirmed[-1])})")
    return missing


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
