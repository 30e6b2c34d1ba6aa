"""What the gateway adds: latency at one connection and requests/s at 64, beside the model server asked directly.

    .venv-ml/bin/python -m benchmarks.gateway [--seconds 4] [--rounds 3]

Needs `wrk` (`apt-get install -y wrk`) and two cores: the model server has the first, the gateway the second. The
load generator runs on the second when the model server is asked, and on the first when the gateway is. The two take
turns, and medians over the rounds are printed. The gateway logs each request, as it does in use.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.rivals.contestants import Contestant, contestants, start_server
from benchmarks.serving import EXPORTED, ONE, Measured, bodies, compare_goal, drive, median
from serving.client.example_instance import EXAMPLE_INSTANCE

CONNECTIONS = (1, 64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed. Install it with: apt-get install -y wrk")
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        sys.exit("This needs two cores; only one may be used here.")
    first, second = cpus[:2]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as up:
        file = Path(folder) / "one.json"
        file.write_bytes(bodies()[ONE])
        ready, model = [EXAMPLE_INSTANCE], contestants(EXPORTED, rivals=False)[0]
        direct = up.enter_context(start_server(model, cpu=first, ready=ready, log=Path(folder) / "server.log"))
        upstream = direct.url.partition("/v1/")[0]
        command = [sys.executable, "-m", "serving.gateway", "--port={port}", f"--upstream={upstream}"]
        door = Contestant("gateway", [*command, "--model=customers"])
        through = up.enter_context(start_server(door, cpu=second, ready=ready, log=Path(folder) / "gateway.log"))
        runs: dict[tuple[str, int], list[Measured]] = {}
        for number in range(given.rounds + 1):  # the first one warms up
            for connections in CONNECTIONS:
                for name, server, cpu in (("direct", direct, second), ("gateway", through, first)):
                    seconds = given.seconds if number else 1
                    run = drive(server, file, connections=connections, seconds=seconds, cpu=cpu)
                    if number:
                        runs.setdefault((name, connections), []).append(run)
        found = {load: median(some) for load, some in runs.items()}
        print(f"{'connections':>11}  {'asked':<8} {'req/s':>7} {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>7}  failed")
        for (name, connections), run in found.items():
            numbers = f"{run.rate:7.0f} {run.p50:8.2f} {run.p99:8.2f} {run.cpu:7.3f} {run.failures:7.0f}"
            print(f"{connections:>11}  {name:<8} {numbers}")
        print(f"\nMiB of the gateway after it: {through.memory():.0f}\n")
        added = found["gateway", 1].p50 - found["direct", 1].p50
        compare_goal("p50 at one connection, ms beyond the model server's", added, 0.5, least=False)
        compare_goal("requests/s at 64 connections", found["gateway", 64].rate, 3000)


if __name__ == "__main__":
    main()
