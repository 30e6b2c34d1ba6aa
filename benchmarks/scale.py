"""What each step costs as the rows grow: CPU seconds, wall seconds and peak memory, from 10,000 made-up customers on.

    .venv-ml/bin/python -m benchmarks.scale [--largest 1000000] [--champion] [--picture docs/images/scale.svg]

Each step is a process of its own, as in the DAG; one epoch, so that training costs what one pass over the rows costs.
The sizes are powers of ten up to `--largest`, and every size has a root of its own. The slope is that between the two
largest sizes, in a million rows. With `--champion` a second run follows in the same root, whose candidate is compared
with the version that the first one made; it ends with judge, since such a candidate may be refused. Imports are part of
every step.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks._scale_picture import picture
from benchmarks.pipeline import REFRESH, Cost, cost, model_server
from ml.cli.options import ASK_THE_SERVER
from ml.pipeline.step_names import STEPS

SMALLEST = 10_000
MILLION = 1_000_000
MEASURED = {"cpu": "CPU s", "wall": "wall s", "memory": "peak MiB"}
Steps = dict[str, Cost]


def sizes(largest: int) -> Iterator[int]:
    """The powers of ten from `SMALLEST` to `largest`, and `largest`."""
    rows = SMALLEST
    while rows < largest:
        yield rows
        rows *= 10
    yield largest


def steps_of(root: Path, rows: int, run: str, *options: str, steps: Sequence[str] = STEPS) -> Steps:
    """Run each of the steps as a process and return what it cost."""
    found = {}
    data = ["--data", "sample", "--set", f"data.sample_rows={rows}"]
    with model_server(root) as url:
        for name in steps:
            given = ["--root", str(root), "--set", "train.epochs=1", *options]
            given += data if name == STEPS[0] else []
            given += ["--serving-url", url] if name in ASK_THE_SERVER else []
            found[name] = cost("-m", "ml", name, "--run", run, *given)
            print(f"  {rows:>11,}  {run:8} {name:10} {shown(found[name])}", flush=True)
    return found


def shown(one: Cost) -> str:
    return f"{one.cpu:8.1f} CPU s {one.wall:8.1f} wall s {one.memory:8.0f} MiB"


def table(costs: Mapping[int, Steps], measured: str) -> Iterator[str]:
    """Yield the lines of a table of steps and sizes, as Markdown, with the slope between the two largest sizes."""
    rows = sorted(costs)
    yield " | ".join(["| step", *(f"{size:,}" for size in rows), "a million more |"])
    yield "|".join(["|---", *("---" for _ in rows), "---|"])
    lines = {name: [float(getattr(costs[size][name], measured)) for size in rows] for name in costs[rows[0]]}
    of_all = zip(*lines.values(), strict=True)
    lines["highest" if measured == "memory" else "all"] = [max(c) if measured == "memory" else sum(c) for c in of_all]
    for name, values in lines.items():
        digits = 0 if measured == "memory" else 1
        slope = f"{(values[-1] - values[-2]) / (rows[-1] - rows[-2]) * MILLION:.2f}" if len(rows) > 1 else "-"
        yield " | ".join([f"| {name}", *(f"{value:,.{digits}f}" for value in values), f"{slope} |"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=int, default=MILLION, help="rows of the largest run")
    parser.add_argument("--champion", action="store_true", help="a second run at each size, beside a champion")
    parser.add_argument("--picture", type=Path, help="draw the costs into this SVG")
    given = parser.parse_args()
    alone: dict[int, Steps] = {}
    beside: dict[int, Steps] = {}
    for rows in sizes(given.largest):
        with tempfile.TemporaryDirectory() as folder:
            alone[rows] = steps_of(Path(folder), rows, "first")
            if given.champion:
                beside[rows] = steps_of(Path(folder), rows, "second", *REFRESH, steps=STEPS[: STEPS.index("promote")])
    for costs, title in ((alone, "first run"), (beside, "beside a champion")):
        for measured, unit in MEASURED.items() if costs else ():
            print(f"\n{title}, {unit}\n")
            print("\n".join(table(costs, measured)))
    if given.picture:
        given.picture.write_text(picture(alone))


if __name__ == "__main__":
    main()
