"""What the gateway adds: latency at one connection and requests/s at 64, beside the model server asked directly.

    .venv-ml/bin/python -m benchmarks.gateway [--seconds 4] [--rounds 3]

Needs `wrk` (`apt-get install -y wrk`) and two cores: the model server has the first, the gateway the second. Latency:
one client asks both in turn, request by request, so that whatever else the machine does meets both alike. Requests/s:
wrk runs on the second core when the model server is asked, and on the first when the gateway is; medians over the
rounds. The gateway logs each request, as it does in use.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks._two_cores import two_cores
from benchmarks.rivals.contestants import Contestant, contestants, start_server
from benchmarks.serving import EXPORTED, ONE, Measured, bodies, compare_goal, drive, median
from serving.client.example_instance import EXAMPLE_INSTANCE

REQUESTS = 3000
_WARM_UP = 200


def alternate(urls: Mapping[str, str], body: bytes, number: int) -> dict[str, list[float]]:
    """How long each of `number` requests to each URL took, in ms; each URL has one connection, and they take turns."""
    times: dict[str, list[float]] = {name: [] for name in urls}
    paths = {name: urlsplit(url) for name, url in urls.items()}
    open_ones = {
        name: http.client.HTTPConnection(url.hostname or "", url.port, timeout=30) for name, url in paths.items()
    }
    for turn in range(_WARM_UP + number):
        for name, connection in open_ones.items():
            began = time.perf_counter()
            connection.request("POST", paths[name].path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                sys.exit(f"{urls[name]} answered {response.status}.")
            if turn >= _WARM_UP:
                times[name].append((time.perf_counter() - began) * 1e3)
    for connection in open_ones.values():
        connection.close()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    first, second = two_cores()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as up:
        file = Path(folder) / "one.json"
        file.write_bytes(bodies()[ONE])
        ready, model = [EXAMPLE_INSTANCE], contestants(EXPORTED, rivals=False)[0]
        direct = up.enter_context(start_server(model, cpu=first, ready=ready, log=Path(folder) / "server.log"))
        upstream = direct.url.partition("/v1/")[0]
        command = [sys.executable, "-m", "serving.gateway", "--port={port}", f"--upstream={upstream}"]
        door = Contestant("gateway", [*command, "--model=customers"])
        through = up.enter_context(start_server(door, cpu=second, ready=ready, log=Path(folder) / "gateway.log"))
        servers = {"direct": (direct, second), "gateway": (through, first)}
        latency = alternate({name: server.url for name, (server, _) in servers.items()}, file.read_bytes(), REQUESTS)
        runs: dict[str, list[Measured]] = {name: [] for name in servers}
        for number in range(given.rounds + 1):  # the first one warms up
            for name, (server, cpu) in servers.items():
                run = drive(server, file, connections=64, seconds=given.seconds if number else 1, cpu=cpu)
                if number:
                    runs[name].append(run)
        print(
            f"{'1 connection:':<14} {'p50 ms':>7} {'p90 ms':>7}   "
            f"{'64 connections:':<16} {'req/s':>6} {'p50 ms':>7}  failed"
        )
        for name, times in latency.items():
            run, nine = median(runs[name]), statistics.quantiles(times, n=10)
            left = f"{name:<14} {nine[4]:7.3f} {nine[8]:7.3f}"
            print(f"{left}   {'':<16} {run.rate:6.0f} {run.p50:7.2f} {run.failures:7.0f}")
        print(f"\nMiB of the gateway after it: {through.memory():.0f}\n")
        added = statistics.median(latency["gateway"]) - statistics.median(latency["direct"])
        compare_goal("p50 at one connection, ms beyond the model server's", added, 0.5, least=False)
        compare_goal("requests/s at 64 connections", median(runs["gateway"]).rate, 3000)


if __name__ == "__main__":
    main()
