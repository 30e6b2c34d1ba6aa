"""The steps that a Beam runner can do, in one process and on a real engine: the same results, and what each costs.

    requirements/prism.sh && stack/prism/alone.sh .venv-ml/bin/python -m benchmarks.engine [--rows 1000000]

The engine is Prism with one pool of workers, all processes of this machine (`stack.prism.cluster`); `alone.sh` gives
them a network of their own. Both ways run every step up to evaluate on the same made-up customers, one epoch. It ends
with an error unless validation finds the same, transform makes the same files byte by byte, every model scores each row
alike, and TFMA's metrics agree to 1e-6.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pipeline import cost
from stack.local.processes.cluster_parts import Part
from stack.prism.cluster import running

MILLION = 1_000_000
STEPS = ("ingest", "validate", "transform", "train", "evaluate")
BY_BEAM = ("validate", "transform", "evaluate")
METRICS = 1e-6
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_of(part: Part) -> float:
    """CPU seconds of a part, of its processes that run, and of those that have ended."""
    total = 0
    for process in part.process.with_descendants():
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        own, ended = fields[11:13], fields[13:15]
        total += sum(map(int, own)) + (sum(map(int, ended)) if process == part.process else 0)
    return total / TICKS


def run_steps(root: Path, rows: int, where: str, options: list[str], parts: tuple[Part, ...]) -> None:
    """Run the steps in a root, and print a line for each that a runner can do."""
    for step in STEPS:
        data = ["--data", "sample", "--set", f"data.sample_rows={rows}"] if step == "ingest" else []
        before = [cpu_of(part) for part in parts]
        found = cost("-m", "ml", step, "--root", str(root), "--run", "run", "--set", "train.epochs=1", *options, *data)
        if step in BY_BEAM:
            others = sum(cpu_of(part) for part in parts) - sum(before)
            print(
                f"| {step} | {where} | {found.cpu:.1f} | {others:.1f} | {found.wall:.1f} | {found.memory:.0f} |",
                flush=True,
            )


def results(root: Path) -> tuple[Any, str, dict[str, Any], dict[str, Any]]:
    """What the steps found: the report of validation, the hash of the examples, the scores, and the evaluation."""
    run = root / "runs" / "run"
    with np.load(run / "evaluate" / "rows.npz") as rows:
        arrays = {name: rows[name] for name in rows.files}
    return (
        json.loads((run / "validate" / "validation.json").read_text()),
        json.loads((run / "transform" / "artifact.json").read_text())["sha256"],
        arrays,
        json.loads((run / "evaluate" / "evaluation.json").read_text()),
    )


def largest_difference(ours: Any, theirs: Any, path: str = "") -> float:
    """The largest difference of two trees of numbers.

    Raises:
        ValueError: They differ in something that is no number.
    """
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        return max((largest_difference(ours[key], theirs[key], f"{path}/{key}") for key in ours), default=0.0)
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return max((largest_difference(a, b, f"{path}/{number}") for number, (a, b) in pairs), default=0.0)
    if isinstance(ours, float) and isinstance(theirs, float):
        return abs(ours - theirs)
    if ours != theirs:
        raise ValueError(f"{path}: {ours!r} and {theirs!r}")
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=MILLION, help="made-up customers")
    rows = parser.parse_args().rows
    print("| step | where | CPU s of the step | CPU s of engine and worker | wall s | peak MiB of the step |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        here, there, logs = (Path(folder, name) for name in ("here", "there", "logs"))
        logs.mkdir()
        run_steps(here, rows, "one process", [], ())
        with running(logs, pools=1) as cluster:
            settings = {"runner": '"PortableRunner"', "options": json.dumps(list(cluster.options(0)))}
            given = [word for name, value in settings.items() for word in ("--set", f"beam.{name}={value}")]
            run_steps(there, rows, "Prism", given, (cluster.prism, *cluster.pools))
        ours, theirs = results(there), results(here)
    if ours[0] != theirs[0]:
        sys.exit("validate found something else")
    if ours[1] != theirs[1]:
        sys.exit("transform made other files")
    if not all(np.array_equal(ours[2][name], theirs[2][name]) for name in theirs[2]):
        sys.exit("evaluate got other scores")
    if (difference := largest_difference(ours[3], theirs[3])) > METRICS:
        sys.exit(f"metrics differ by {difference:g}")
    print(f"the same findings, files and scores; the largest difference of a number in evaluation.json: {difference:g}")


if __name__ == "__main__":
    main()
