"""The servers that are compared: how each is installed, started and asked for its memory."""

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
    """A server to be: its name in the table and its command, with `{port}` where the port goes."""

    name: str
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    name: str
    url: str
    process: int

    def memory(self) -> float:
        """MiB of the process and its children, shared pages divided among them."""
        return sum(_proportional_kib(process) for process in family(self.process)) / 1024

    def cpu_seconds(self) -> float:
        """CPU time of the process and its children."""
        return sum(_cpu_ticks(process) for process in family(self.process)) / os.sysconf("SC_CLK_TCK")


def contestants(saved_model: Path, *, rivals: bool) -> list[Contestant]:
    """Our server, the floor, and (unless unwanted) the rivals, whose environments are made when missing."""
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
    """An environment below var/bench/ with one rival and the TensorFlow that runs here; made when it is not whole."""
    place = ENVIRONMENTS / f"{name}-{PINS[name]}"
    stamp = place / "complete"
    if not stamp.exists():
        print(f"Installing {name} {PINS[name]} into {place} (the first time takes minutes) ...", flush=True)
        uv = subprocess.run([PROJECT / "requirements" / "uv.sh", sys.executable], check=True, capture_output=True)
        command = [str(PROJECT / uv.stdout.decode().strip())]  # an absolute path stays what it is
        subprocess.run([*command, "venv", "--quiet", "--clear", "--python", sys.executable, str(place)], check=True)
        packages = [f"{name}=={PINS[name]}", f"tensorflow=={importlib.metadata.version('tensorflow')}"]
        python = str(place / "bin" / "python")
        subprocess.run([*command, "pip", "install", "--quiet", "--python", python, *packages], check=True)
        stamp.touch()
    return place


@contextmanager
def running(contestant: Contestant, *, cpu: int, ready: Sequence[Mapping[str, object]], log: Path) -> Iterator[Running]:
    """Starts a server on one core, waits until it answers a request, and ends it."""
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
                sys.exit(f"{contestant.name} does not answer at {url}. It said:\n{log.read_text()[-3000:]}")
            time.sleep(0.5)
        yield Running(contestant.name, url, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def family(process: int) -> list[int]:
    """A process and all that descend from it."""
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except FileNotFoundError:
        return []
    return [process, *(member for child in children for member in family(child))]


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
