"""What each step costs: wall and CPU seconds and peak memory, in units of a bare `import tensorflow`.

    .venv-ml/bin/python -m benchmarks.pipeline [Train.csv] [--pairs 3] [--rows 1000000]

The machine's speed drifts, so every job stands between two bare imports and is measured by the mean of these two;
medians are printed. A retraining is measured in an empty root and then in the same root again, where the candidate is
compared with a champion. The separate steps are those of the DAG: `confirm` asks a model server that runs already and
is not counted. `--rows 0` leaves out the large run on made-up customers.
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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks._customers import customers_file
from ml.cli.options import ASK_THE_SERVER
from ml.pipeline.step_names import STEPS
from ml.storage.root import PROJECT

TEN_EPOCHS = ["--set", "train.epochs=10", "--set", "train.patience=10", "--set", "train.batch_size=64"]
FIRST, SECOND = "python -m ml retrain", "the same with a champion"
REFRESH = ("--set", "train.seed=21", "--set", "gate.refresh_changed_share=0.0", "--set", "gate.margin=0.5")
"""Settings of a candidate that is compared with the champion, scored with it, and promoted."""
GOALS = {FIRST: 3.0, SECOND: 3.3}
"""In units."""


@dataclass(frozen=True)
class Cost:
    """Of one process with its children: seconds, seconds, MiB."""

    wall: float
    cpu: float
    memory: float


def cost(*arguments: str) -> Cost:
    """Run Python with these arguments and measure it; a failure shows what it printed."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([sys.executable, *arguments], cwd=PROJECT, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            sys.exit(output.read().decode())
    return Cost(time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


@contextmanager
def model_server(root: Path) -> Iterator[str]:
    """The model server on the versions of `root`, as a process of its own; ends with the block."""
    base, port = root / "models" / "customer-model", free_port()
    base.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "serving.model_server", f"--rest_api_port={port}"]
    server = subprocess.Popen(
        [*command, "--model_name=customer-model", f"--model_base_path={base}"],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=60)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def job(*arguments: str) -> list[str]:
    """A command of `python -m ml` with ten epochs."""
    return ["-m", "ml", *arguments, *TEN_EPOCHS]


class Units:
    """Costs in units of the bare imports on both sides of a job."""

    def __init__(self) -> None:
        self.imports: list[Cost] = []
        self._costs: dict[str, list[Cost]] = {}
        self._units: dict[str, list[float]] = {}
        self._waiting: list[tuple[str, Cost]] = []

    def measure(self) -> None:
        """Measure a bare import, which ends what was added since the last one."""
        self.imports.append(cost("-c", "import tensorflow"))
        both = statistics.mean(found.cpu for found in self.imports[-2:])
        for name, found in self._waiting:
            self._costs.setdefault(name, []).append(found)
            self._units.setdefault(name, []).append(found.cpu / both)
        self._waiting = []

    def add(self, name: str, found: Cost) -> None:
        """Add a job that ran after the last import."""
        self._waiting.append((name, found))

    def median(self, name: str) -> tuple[Cost, float]:
        """Return the medians of a job's costs, and of what it came to in units."""
        return median(self._costs[name]), statistics.median(self._units[name])


def median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(c, name) for c in costs) for name in ("wall", "cpu", "memory")))


def show(name: str, found: Cost, units: float) -> None:
    goal = f"   goal {GOALS[name]:.1f}: {'reached' if units <= GOALS[name] else 'MISSED'}" if name in GOALS else ""
    print(f"{name:32} {found.wall:7.1f} {found.cpu:7.1f} {units:7.2f} {found.memory:8.0f}{goal}", flush=True)


def measure(pairs: int, data: Path, folder: Path) -> Units:
    """Both retrainings and the separate steps, `pairs` times."""
    units = Units()
    for pair in range(pairs):
        root = ["--root", str(folder / f"whole-{pair}"), "--data", str(data)]
        units.measure()
        units.add(FIRST, cost(*job("retrain", *root)))
        units.measure()
        units.add(SECOND, cost(*job("retrain", *REFRESH, *root)))
        units.measure()
        root = ["--root", str(folder / f"steps-{pair}")]
        with model_server(folder / f"steps-{pair}") as url:
            for name in STEPS:
                options = ["--data", str(data)] if name == STEPS[0] else []
                options += ["--serving-url", url] if name in ASK_THE_SERVER else []
                units.add(f"  step {name}", cost(*job(name, "--run", "bench", *options, *root)))
        units.measure()
    return units


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = customers_file(given.data, Path(folder))
        cost(
            "-c", "import tensorflow, tensorflow_data_validation, tensorflow_model_analysis"
        )  # compiled, and in memory
        units = measure(given.pairs, data, Path(folder))
        print(f"\n{'10 epochs, batch 64':32} {'wall s':>7} {'CPU s':>7} {'units':>7} {'MiB':>8}")
        show("import tensorflow (the unit)", median(units.imports), 1.0)
        for name in (FIRST, SECOND):
            show(name, *units.median(name))
        each = [units.median(f"  step {name}") for name in STEPS]
        for name, (found, in_units) in zip(STEPS, each, strict=True):
            show(f"  step {name}", found, in_units)
        cpu, in_all = sum(found.cpu for found, _ in each), sum(in_units for _, in_units in each)
        print(f"{'sum of the separate steps':32} {'':7} {cpu:7.1f} {in_all:7.2f}")
        if given.rows:
            options = ["--data", "sample", "--set", f"data.sample_rows={given.rows}", "--set", "train.epochs=1"]
            large = cost("-m", "ml", "retrain", "--root", f"{folder}/large", *options)
            small, _ = units.median(FIRST)
            show(f"retrain, {given.rows:,} rows, 1 epoch", large, large.cpu / median(units.imports).cpu)
            print(
                f"CPU ms a row: {small.cpu / 8068 * 1000:.2f} at 8,068 rows, {large.cpu / given.rows * 1000:.3f} there"
            )


if __name__ == "__main__":
    main()
