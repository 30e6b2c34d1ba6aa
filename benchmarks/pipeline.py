"""What each step costs: wall and CPU seconds and peak memory, in units of a bare `import tensorflow`.

    python benchmarks/pipeline.py [Train.csv] [--pairs 3] [--rows 1000000]

The unit and the job run in interleaved pairs, since the machine's speed drifts; medians are printed. The separate steps
are those of the DAG: `confirm` asks a model server that runs already and is not counted. `--rows 0` leaves out the
large run on made-up customers.
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
from ml.pipeline.step_names import STEPS
from ml.storage.root import PROJECT

TEN_EPOCHS = ["--set", "train.epochs=10", "--set", "train.patience=10", "--set", "train.batch_size=64"]


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
    base.mkdir(parents=True)
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


def median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(c, name) for c in costs) for name in ("wall", "cpu", "memory")))


def show(name: str, found: Cost, unit: float) -> None:
    print(f"{name:28} {found.wall:7.1f} {found.cpu:7.1f} {found.cpu / unit:7.2f} {found.memory:8.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = customers_file(given.data, Path(folder))
        units: list[Cost] = []
        whole: list[Cost] = []
        steps: dict[str, list[Cost]] = {name: [] for name in STEPS}
        for pair in range(given.pairs):
            units.append(cost("-c", "import tensorflow"))
            root = ["--root", f"{folder}/whole-{pair}", "--data", str(data), *TEN_EPOCHS]
            whole.append(cost("-m", "ml", "retrain", *root))
            units.append(cost("-c", "import tensorflow"))
            root = ["--root", f"{folder}/steps-{pair}", "--data", str(data), *TEN_EPOCHS]
            with model_server(Path(folder) / f"steps-{pair}") as url:
                for name, costs in steps.items():
                    costs.append(cost("-m", "ml", name, "--run", "bench", "--serving-url", url, *root))
        unit = median(units).cpu
        print(f"\n{'10 epochs, batch 64':28} {'wall s':>7} {'CPU s':>7} {'units':>7} {'MiB':>8}")
        show("import tensorflow (the unit)", median(units), unit)
        show("python -m ml retrain", median(whole), unit)
        total = 0.0
        for name, costs in steps.items():
            show(f"  step {name}", median(costs), unit)
            total += median(costs).cpu
        print(f"{'sum of the separate steps':28} {'':7} {total:7.1f} {total / unit:7.2f}")
        if given.rows:
            options = ["--data", "sample", "--set", f"data.sample_rows={given.rows}", "--set", "train.epochs=1"]
            large = cost("-m", "ml", "retrain", "--root", f"{folder}/large", *options)
            small = median(whole)
            show(f"retrain, {given.rows:,} rows, 1 epoch", large, unit)
            print(
                f"CPU ms a row: {small.cpu / 8068 * 1000:.2f} at 8,068 rows, {large.cpu / given.rows * 1000:.3f} there"
            )


if __name__ == "__main__":
    main()
