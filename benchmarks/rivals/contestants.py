"""The servers that are compared: installing and starting them, and their memory and CPU time."""

from __future__ import annotations

import importlib.metadata
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from serving.client.transport import TransportError, request

PROJECT = Path(__file__).resolve().parents[2]
RIVALS = Path(__file__).resolve().parent
ENVIRONMENTS = PROJECT / "var" / "bench"
PINS = {"kserve": "0.15.2", "bentoml": "1.4.40"}
_STARTED_WITHIN = 120.0


@dataclass(frozen=True)
class Contestant:
    """A server that can be started.

    Attributes:
        name: Its name in the table.
        command: Its command, with `{port}` in the place of the port.
        environment: The environment variables it needs besides those of this process.
    """

    name: str
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunningServer:
    """A server that answers.

    Attributes:
        name: Its name in the table.
        url: The URL to which predictions are posted.
        process: The number of its process.
    """

    name: str
    url: str
    process: int

    def memory(self) -> float:
        """The memory of the process and its descendants in MiB; a shared page is divided among those that share it."""
        return sum(_proportional_kib(process) for process in process_tree(self.process)) / 1024

    def cpu_seconds(self) -> float:
        """The CPU time of the process and its descendants in seconds."""
        return sum(_cpu_ticks(process) for process in process_tree(self.process)) / os.sysconf("SC_CLK_TCK")


def contestants(saved_model: Path, *, rivals: bool) -> list[Contestant]:
    """Our server, the floor, and with `rivals` the rivals, whose environments are made if they are missing."""
    base_path = str(saved_model.parent)
    ours = [sys.executable, "-m", "serving.model_server", "--rest_api_port={port}"]
    floor = [
        sys.executable,
        "-m",
        "uvicorn",
        "benchmarks.rivals.starlette_echo:app",
        "--port={port}",
        "--no-access-log",
    ]
    found = [
        Contestant("this server", [*ours, "--model_name=customers", f"--model_base_path={base_path}"]),
        Contestant("Starlette echo (floor)", [*floor, "--log-level=warning"]),
    ]
    if rivals:
        kserve, bentoml = environment("kserve"), environment("bentoml")
        service = [
            str(bentoml / "bin" / "bentoml"),
            "serve",
            "benchmarks.rivals.bentoml_service:Service",
            "--host=127.0.0.1",
        ]
        found += [
            Contestant(
                f"KServe {PINS['kserve']}",
                [str(kserve / "bin" / "python"), "-m", "benchmarks.rivals.kserve_server", str(saved_model), "{port}"],
            ),
            Contestant(
                f"BentoML {PINS['bentoml']}",
                [*service, "--port={port}"],
                environment={"SAVED_MODEL": str(saved_model), "BENTOML_DO_NOT_TRACK": "true"},
            ),
        ]
    return found


def environment(name: str) -> Path:
    """An environment below var/bench/ with one rival and the TensorFlow of this process; made if it is not complete."""
    place = ENVIRONMENTS / f"{name}-{PINS[name]}"
    stamp = place / "complete"
    if not stamp.exists():
        print(f"Installing {name} {PINS[name]} into {place} (the first time takes minutes) ...", flush=True)
        uv = subprocess.run([PROJECT / "requirements" / "uv.sh", sys.executable], check=True, capture_output=True)
        command = [str(PROJECT / uv.stdout.decode().strip())]  # an absolute path stays as it is
        subprocess.run([*command, "venv", "--quiet", "--clear", "--python", sys.executable, str(place)], check=True)
        packages = [f"{name}=={PINS[name]}", f"tensorflow=={importlib.metadata.version('tensorflow')}"]
        python = str(place / "bin" / "python")
        subprocess.run([*command, "pip", "install", "--quiet", "--python", python, *packages], check=True)
        stamp.touch()
    return place


@contextmanager
def start_server(
    contestant: Contestant, *, cpu: int, ready: Sequence[Mapping[str, object]], log: Path
) -> Iterator[RunningServer]:
    """Starts a server on one core, waits until it answers a request, and stops it when the block ends.

    Args:
        contestant: The server.
        cpu: The core.
        ready: The instances of the request that it must answer.
        log: The file for its output.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = [argument.format(port=port) for argument in contestant.command]
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "--cpu-list", str(cpu), *arguments],
            cwd=PROJECT,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore", **contestant.environment},
            stdout=output,
            stderr=output,
        )
    try:
        url = f"http://127.0.0.1:{port}/v1/models/customers:predict"
        deadline = time.monotonic() + _STARTED_WITHIN
        while not _answers(url, ready):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{contestant.name} does not answer at {url}. Its output:\n{log.read_text()[-3000:]}")
            time.sleep(0.5)
        yield RunningServer(contestant.name, url, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def process_tree(process: int) -> list[int]:
    """The numbers of a process and of all its descendants."""
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except FileNotFoundError:
        return []
    return [process, *(member for child in children for member in process_tree(child))]


def _answers(url: str, instances: Sequence[Mapping[str, object]]) -> bool:
    try:
        return request("POST", url, json_body={"instances": instances}, timeout=30).status == 200
    except TransportError:
        return False


def _proportional_kib(process: int) -> int:
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def _cpu_ticks(process: int) -> int:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
