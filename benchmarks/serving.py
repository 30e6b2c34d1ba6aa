"""How fast the model server is: requests/s, latency and memory, beside the floor of Python HTTP and two rivals.

    .venv-ml/bin/python -m benchmarks.serving [--model SAVED_MODEL] [--seconds 4] [--rounds 3] [--without-rivals]

Needs `wrk` (`apt-get install -y wrk`) and two cores: each server runs alone on one, the load generator on the other.
All servers are up at once but only one is asked at a time; they take turns, so that a machine that gets slower does so
for all, and medians over the rounds are printed. The floor is a Starlette handler that parses and echoes the same JSON.
The rivals are KServe's Python server and BentoML (with its adaptive batching) around the same SavedModel, each in an
environment of its own below var/bench/, made at the first run.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rivals.contestants import PROJECT, RIVALS, RunningServer, contestants, start_server
from serving.client.example_instance import EXAMPLE_INSTANCE

EXPORTED = PROJECT / "tests" / "serving" / "golden" / "models" / "customer-example" / "1"
CONNECTIONS = (1, 8, 64)
ONE, HUNDRED, WITH_NAN = "1", "100", "100, 11 with NaN"
Load = tuple[str, int]
"""The rows of a request, and the number of connections."""


@dataclass(frozen=True)
class Measured:
    """One server under one load: requests/s, milliseconds, milliseconds, CPU milliseconds a request, failures."""

    rate: float
    p50: float
    p99: float
    cpu: float
    failures: float


def bodies() -> dict[str, bytes]:
    """The requests. NaN stands for a missing number: a tenth of Kaggle's customers lack Work_Experience."""
    hundred = [{**EXAMPLE_INSTANCE, "Age": 18 + row % 70} for row in range(100)]
    lacking = [
        {**row, "Work_Experience": math.nan} if number % 9 == 0 else row for number, row in enumerate(hundred[:90])
    ]
    some_nan = [*lacking, {**hundred[90], "Family_Size": math.nan}, *hundred[91:]]
    instances = {ONE: hundred[:1], HUNDRED: hundred, WITH_NAN: some_nan}
    return {rows: json.dumps({"instances": some}).encode() for rows, some in instances.items()}


def drive(server: RunningServer, file: Path, *, connections: int, seconds: float, cpu: int) -> Measured:
    """One run of wrk on its core."""
    before = server.cpu_seconds()
    done = subprocess.run(
        [
            *("taskset", "--cpu-list", str(cpu), "wrk", "--threads", "1", "--connections", str(connections)),
            *("--duration", f"{seconds:g}s", "--timeout", "10s", "--script", str(RIVALS / "post.lua"), server.url),
        ],
        env={**os.environ, "BODY": str(file)},
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    requests, micros, p50, p99, failures = map(int, line.split()[1:])
    cpu_seconds = server.cpu_seconds() - before
    return Measured(
        requests / micros * 1e6, p50 / 1e3, p99 / 1e3, cpu_seconds / max(requests, 1) * 1e3, float(failures)
    )


def median(runs: list[Measured]) -> Measured:
    return Measured(*(statistics.median(getattr(run, name) for run in runs) for name in Measured.__annotations__))


def show(found: dict[str, dict[Load, Measured]], memory: dict[str, float]) -> None:
    print(
        f"\n{'rows x connections':>21}  {'server':<24} {'req/s':>7} {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>7}  failed"
    )
    for load in next(iter(found.values())):
        for name, loads in found.items():
            if load in loads:
                run = loads[load]
                numbers = f"{run.rate:7.0f} {run.p50:8.2f} {run.p99:8.2f} {run.cpu:7.3f} {run.failures:7.0f}"
                print(f"{f'{load[0]} x {load[1]}':>21}  {name:<24} {numbers}")
    print("\nMiB after it: " + ", ".join(f"{name} {size:.0f}" for name, size in memory.items()))


def compare_goal(what: str, value: float, bound: float, *, least: bool = True) -> None:
    """Prints a goal beside what was measured."""
    reached = value >= bound if least else value <= bound
    asked = f"{'at least' if least else 'at most'} {bound:g}: {'reached' if reached else 'MISSED'}"
    print(f"{what:<68} {value:6.2f}   goal {asked}")


def compare(found: dict[str, dict[Load, Measured]]) -> None:
    """The goals, each beside what was measured."""
    ours, floor, *rivals = found.values()

    print()
    for rows, bound in ((ONE, 1.0), (HUNDRED, 0.4)):
        load = rows, 64
        compare_goal(
            f"requests/s of {rows} rows x 64 connections, beside the floor's", ours[load].rate / floor[load].rate, bound
        )
        print(f"  by CPU time a request {floor[load].cpu / ours[load].cpu:.2f}")
    compare_goal(
        "p50 of one row at one connection, ms beyond the floor's",
        ours[ONE, 1].p50 - floor[ONE, 1].p50,
        0.12,
        least=False,
    )
    for connections in CONNECTIONS:
        ratio = ours[WITH_NAN, connections].cpu / ours[HUNDRED, connections].cpu
        compare_goal(
            f"CPU time of 100 rows with NaN beside without, x {connections} connections", ratio, 1.1, least=False
        )
    if rivals:
        best = max(rival[ONE, 64].rate for rival in rivals)
        compare_goal("requests/s of one row x 64 beside the better rival's", ours[ONE, 64].rate / best, 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=EXPORTED, help="a SavedModel that takes raw customers")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-rivals", action="store_true", help="only this server and the floor")
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed. Install it with: apt-get install -y wrk")
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        sys.exit("This needs two cores, one for the server and one for the load; only one may be used here.")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as up:
        files = {}
        for number, (rows, request) in enumerate(bodies().items()):
            files[rows] = Path(folder) / f"{number}.json"
            files[rows].write_bytes(request)
        servers = []
        for number, contestant in enumerate(contestants(given.model.resolve(), rivals=not given.without_rivals)):
            print(f"starting {contestant.name}", flush=True)
            log = Path(folder) / f"{number}.log"
            servers.append(up.enter_context(start_server(contestant, cpu=cpus[0], ready=[EXAMPLE_INSTANCE], log=log)))
        runs: dict[str, dict[Load, list[Measured]]] = {server.name: {} for server in servers}
        for number in range(given.rounds + 1):  # the first one warms up
            print("warming up" if number == 0 else f"round {number} of {given.rounds}", flush=True)
            for rows, file in files.items():
                for connections in CONNECTIONS:
                    for server in servers:
                        if rows == WITH_NAN and server is not servers[0]:
                            continue  # the floor's parser is Python's own, which takes NaN no better
                        seconds = given.seconds if number else 1
                        run = drive(server, file, connections=connections, seconds=seconds, cpu=cpus[1])
                        if number:
                            runs[server.name].setdefault((rows, connections), []).append(run)
        found = {name: {load: median(some) for load, some in loads.items()} for name, loads in runs.items()}
        show(found, {server.name: server.memory() for server in servers})
        compare(found)


if __name__ == "__main__":
    main()
