"""What the steps that a Beam runner can do cost in one process, and with a pool of processes on the same machine.

    stack/prism/alone.sh .venv-ml/bin/python -m benchmarks.processes [--rows 1000000] [--workers 2]

The pool is Beam's own: `DirectRunner` with `direct_running_mode=multi_processing`. Beam listens on every address for
it; `alone.sh` gives it a network of its own. Each step is a process of its own, as in the DAG, and the workers' CPU
counts as its own; memory is that of the largest process. It ends with an error if transform does not make the same
files, byte by byte.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.pipeline import Cost, cost

MILLION = 1_000_000
BY_BEAM = ("validate", "transform")


def costs(root: Path, rows: int, *options: str) -> Iterator[tuple[str, Cost]]:
    """Run the steps up to transform in a root, and yield what those cost that a runner can do."""
    data = ["--data", "sample", "--set", f"data.sample_rows={rows}"]
    for step in ("ingest", *BY_BEAM):
        given = [*options, *(data if step == "ingest" else [])]
        found = cost("-m", "ml", step, "--root", str(root), "--run", "run", *given)
        if step in BY_BEAM:
            yield step, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=MILLION, help="made-up customers")
    parser.add_argument("--workers", type=int, default=2, help="processes of the pool")
    given = parser.parse_args()
    pool = [f"--direct_num_workers={given.workers}", "--direct_running_mode=multi_processing"]
    by_beam = ["--set", "beam.runner=DirectRunner", "--set", f"beam.options={json.dumps(pool)}"]
    print("| step | where | CPU s | wall s | peak MiB |\n|---|---|---|---|---|")
    made = []
    for where, options in (("one process", []), (f"{given.workers} processes", by_beam)):
        with tempfile.TemporaryDirectory() as folder:
            for step, one in costs(Path(folder), given.rows, *options):
                print(f"| {step} | {where} | {one.cpu:.1f} | {one.wall:.1f} | {one.memory:.0f} |", flush=True)
            record = Path(folder, "runs", "run", "transform", "artifact.json")
            made.append(json.loads(record.read_text())["sha256"])
    if made[0] != made[1]:
        sys.exit("transform made other files")


if __name__ == "__main__":
    main()
