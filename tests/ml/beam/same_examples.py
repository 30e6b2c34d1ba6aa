"""Holding what the step `transform` makes with a runner against what it makes in this process."""

from __future__ import annotations

import json
from pathlib import Path

from ml.config.settings import BeamSettings, resolve
from ml.pipeline.run import Run
from ml.pipeline.steps import run_step
from ml.storage.root import Root

MADE = ("encoding.json", "eval.parquet", "train.parquet")


def begun(root: Root, name: str, csv: Path, beam: BeamSettings | None = None) -> Run:
    """A run that has come to `transform`, which the runner is to do. The steps before it are done in this process."""
    plain = [f"data.source={str(csv)!r}"]
    before = Run(root, name, resolve(overrides=plain, environment={}))
    for step in ("ingest", "validate"):
        run_step(step, before)
    if beam is None:
        return before
    with_runner = [
        f"beam.runner={beam.runner}",
        f"beam.options={json.dumps(list(beam.options))}",
        f"beam.deadline_seconds={beam.deadline_seconds}",
        f"beam.directory={beam.directory!r}",
    ]
    return Run(root, name, resolve(overrides=[*plain, *with_runner], environment={}))


def made(run: Run) -> dict[str, bytes]:
    """The files of a finished `transform`. Nothing but them is left, of the shards least of all."""
    place = run.step_directory("transform")
    assert sorted(path.name for path in place.iterdir()) == ["artifact.json", *MADE]
    assert not list(run.directory.rglob(".beam-*"))
    return {name: (place / name).read_bytes() for name in MADE}


def assert_transforms_alike(root: Root, csv: Path, beam: BeamSettings) -> None:
    """The same files, byte by byte, and so the same artifact."""
    runs = [begun(root, "plain", csv), begun(root, "beam", csv, beam)]
    found = [run_step("transform", run)["artifact"] for run in runs]
    assert made(runs[0]) == made(runs[1])
    facts = ("sha256", "rows", "train_rows", "eval_rows")
    assert [found[0][name] for name in facts] == [found[1][name] for name in facts]
