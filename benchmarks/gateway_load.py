"""The gateway under load: 64 connections for two minutes and a file to score now and then; no failure, flat memory.

    .venv-ml/bin/python -m benchmarks.gateway_load [--seconds 120] [--connections 64] [--record]

Needs `wrk` (`apt-get install -y wrk`) and two cores: gateway and model server share the first, wrk has the second. The
memory is the resident set of the gateway's own process. Ends with 1 when a request failed, or when the memory grew by
more than 8 MiB after its first 20 seconds, in which buffers and caches find their sizes. With `--record` the gateway
records every request; what found no room is counted, and is no failure.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks._two_cores import two_cores
from benchmarks.rivals.contestants import Contestant, RunningServer, contestants, start_server
from benchmarks.serving import EXPORTED, ONE, bodies, drive
from serving.client.example_instance import EXAMPLE_INSTANCE
from serving.client.transport import Address, send

MOST_GROWTH = 8.0
"""MiB."""
_SAMPLE_SECONDS, _SCORE_SECONDS = 20.0, 5.0
_CUSTOMERS = Path("docs/customers.csv")


class Watch:
    """Samples the memory of a process, and has files scored, until it is stopped.

    Attributes:
        samples: Seconds since the start, and MiB.
        statuses: What the gateway answered to each file.
    """

    def __init__(self, gateway: RunningServer) -> None:
        self._process = gateway.process
        self._address = Address.of(gateway.url.partition("/v1/")[0])
        self._file = _CUSTOMERS.read_bytes()
        self._stop = threading.Event()
        self._began = time.monotonic()
        self.samples = [(0.0, resident_mib(self._process))]
        self.statuses: list[int] = []
        self._threads = [threading.Thread(target=work) for work in (self._sample, self._score)]
        for thread in self._threads:
            thread.start()

    def _sample(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS - (time.monotonic() - self._began) % _SAMPLE_SECONDS):
            self._note()

    def _note(self) -> None:
        self.samples.append((time.monotonic() - self._began, resident_mib(self._process)))
        print(f"{self.samples[-1][0]:6.0f} s {self.samples[-1][1]:8.1f} MiB", flush=True)

    def _score(self) -> None:
        while not self._stop.wait(_SCORE_SECONDS):
            answer = send(
                self._address,
                "POST",
                "/v1/score?top=20%25",
                self._file,
                headers={"Content-Type": "text/csv"},
                timeout=60,
            )
            self.statuses.append(answer.status)

    def stop(self) -> None:
        """Takes the last sample."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if time.monotonic() - self._began - self.samples[-1][0] > 1:
            self._note()


def resident_mib(process: int) -> float:
    """The memory that a process holds now."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS:"))) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--record", action="store_true", help="record every request")
    given = parser.parse_args()
    if given.seconds <= _SAMPLE_SECONDS:
        parser.error(f"--seconds has to be more than {_SAMPLE_SECONDS:g}.")
    first, second = two_cores()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as up:
        file = Path(folder) / "one.json"
        file.write_bytes(bodies()[ONE])
        ready, model = [EXAMPLE_INSTANCE], contestants(EXPORTED, rivals=False)[0]
        server = up.enter_context(start_server(model, cpu=first, ready=ready, log=Path(folder) / "server.log"))
        command = [sys.executable, "-m", "serving.gateway", "--port={port}", f"--spool={folder}/spool"]
        command += [f"--upstream={server.url.partition('/v1/')[0]}", "--model=customers"]
        command += [f"--record={folder}/record"] if given.record else []
        door = Contestant("gateway", command)
        gateway = up.enter_context(start_server(door, cpu=first, ready=ready, log=Path(folder) / "gateway.log"))
        print(f"{given.connections} connections for {given.seconds:g} s; memory of the gateway:")
        watch = Watch(gateway)
        print(f"{0:6.0f} s {watch.samples[0][1]:8.1f} MiB", flush=True)
        try:
            run = drive(gateway, file, connections=given.connections, seconds=given.seconds, cpu=second)
        finally:
            watch.stop()
        health = send(Address.of(gateway.url.partition("/v1/")[0]), "GET", "/healthz", None, headers={}, timeout=10)
    failed = int(run.failures) + sum(status != 200 for status in watch.statuses)
    requests = run.rate * given.seconds
    print(f"\n{requests:,.0f} predictions ({run.rate:,.0f}/s, p50 {run.p50:.2f} ms, p99 {run.p99:.2f} ms)")
    print(f"{len(watch.statuses)} files of 200 customers scored meanwhile; {failed} failures")
    if given.record:
        print(f"record: {json.loads(health.text)['record']}")
    warm = next(mib for seconds, mib in watch.samples if seconds >= _SAMPLE_SECONDS)
    growth = watch.samples[-1][1] - warm
    print(f"memory after the first {_SAMPLE_SECONDS:g} s: {growth:+.1f} MiB")
    if failed or growth > MOST_GROWTH or not watch.statuses:
        sys.exit(f"MISSED: no failure, and at most {MOST_GROWTH:g} MiB more")


if __name__ == "__main__":
    main()
