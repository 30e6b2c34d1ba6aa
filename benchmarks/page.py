"""100,000 customers on the marketer's page, step by step, and single predictions through the gateway meanwhile.

    .venv-ml/bin/python -m benchmarks.page [--root DIR] [--rows 100000]

Without --root a version of made-up customers is trained first. The times are those of a client that asks for the state
every 20 ms; model server, gateway and all processes share the cores of the machine.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit

from ml.data.sample import write_csv
from serving.client.example_instance import EXAMPLE_INSTANCE
from serving.client.model_client import ModelServer

MODEL = "customer-model"
_PREDICT = json.dumps({"instances": [EXAMPLE_INSTANCE]}).encode()
_ALONE_SECONDS = 3.0


@contextmanager
def started(module: str, *flags: str, root: Path) -> Iterator[str]:
    """The address of a process of ours."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *flags],
        env={**os.environ, "RETRAIN_ROOT": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[2]
    finally:
        process.terminate()
        process.wait(60)


class Client:
    """One connection to the gateway."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=600)

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The body of an answer, which has to be a success."""
        self._connection.request(
            method, path, body, {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
        )
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status >= 300:
            sys.exit(f"{path} answered {answer.status}: {said[:300]!r}")
        return said


class Beside(threading.Thread):
    """Asks for one prediction after the other, until it is told to stop."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._client, self._stop_asked, self.milliseconds = Client(url), threading.Event(), list[float]()
        self.start()

    def run(self) -> None:
        """Called in the thread."""
        while not self._stop_asked.is_set():
            began = time.perf_counter()
            self._client.ask("POST", f"/v1/models/{MODEL}:predict", _PREDICT)
            self.milliseconds.append((time.perf_counter() - began) * 1e3)

    def told(self) -> str:
        """What was measured; nothing is asked any more."""
        self._stop_asked.set()
        self.join()
        parts = quantiles(self.milliseconds, n=100)
        return f"p50 {parts[49]:6.2f}  p90 {parts[89]:6.2f}  p99 {parts[98]:6.2f}  of {len(self.milliseconds):,}"


def until(client: Client, path: str, states: tuple[str, ...]) -> None:
    while json.loads(client.ask("GET", path))["state"] not in states:
        time.sleep(0.02)


def measure(url: str, body: bytes) -> None:
    beside = Beside(url)
    time.sleep(_ALONE_SECONDS)
    alone = beside.told()
    client, beside = Client(url), Beside(url)
    began = last = time.perf_counter()

    def step(name: str) -> None:
        nonlocal last
        now = time.perf_counter()
        print(f"{name:<44} {now - last:7.2f} s")
        last = now

    list_id = json.loads(client.ask("POST", "/page/lists?name=customers.csv", body))["id"]
    path = f"/page/lists/{list_id}"
    step("sent")
    until(client, path, ("scoring", "explaining", "done", "failed"))
    step("read and checked")
    until(client, path, ("explaining", "done", "failed"))
    step("scored and ranked")
    client.ask("GET", f"{path}/prospect?by=share&share=20")
    step("what to expect, with both curves")
    client.ask("GET", f"{path}/rows?first=1")
    step("the first rows")
    print(f"{'until the list is seen':<44} {last - began:7.2f} s")
    until(client, path, ("done", "failed"))
    step("reasons for the best 1,000")
    working = beside.told()
    for kind in ("csv", "xlsx"):
        size = len(client.ask("GET", f"{path}/download?by=share&share=100&kind={kind}"))
        step(f"everybody as {kind}, {size / 1e6:.1f} MB")
    client.ask("DELETE", path)
    print(f"\nsingle predictions through the gateway, ms\n  alone                    {alone}")
    print(f"  while the file is worked {working}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="where a version was promoted; by default one is trained first")
    parser.add_argument("--rows", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as up:
        root = given.root or Path(folder) / "root"
        if given.root is None:
            retrain = [sys.executable, "-m", "ml", "retrain", f"--root={root}", "--set=data.source=sample"]
            subprocess.run(retrain, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        base = root / "models" / MODEL
        server = up.enter_context(
            started(
                "serving.model_server",
                *("--rest_api_port=0", f"--model_name={MODEL}", f"--model_base_path={base}"),
                root=root,
            )
        )
        versions = [int(path.name) for path in base.iterdir() if path.name.isdigit()]
        ModelServer(server, MODEL).wait_available(max(versions), deadline=120)
        door = up.enter_context(
            started("serving.gateway", "--port=0", f"--upstream={server}", f"--spool={folder}/spool", root=root)
        )
        write_csv(Path(folder) / "customers.csv", rows=given.rows, seed=7)
        measure(door, (Path(folder) / "customers.csv").read_bytes())


if __name__ == "__main__":
    main()
