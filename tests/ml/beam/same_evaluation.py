"""Holding what the step `evaluate` writes with a runner against what it writes in this process."""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml.artifacts import Evaluation
from ml.config.settings import BeamSettings
from ml.pipeline.run import Run
from ml.pipeline.step_names import STEPS
from ml.pipeline.steps import run_step
from ml.storage.root import Root
from tests.ml.conftest import QUICK, settings_of

METRICS = 1e-6


def trained(root: Root, csv: Path) -> Run:
    """A first run of made-up customers that goes on with evaluate."""
    run = Run(root, "first", settings_of(csv, *QUICK, "train.epochs=1"))
    for name in STEPS[: STEPS.index("evaluate")]:
        run_step(name, run)
    return run


def in_process(run: Run, copy: Path) -> Run:
    """Evaluate and judge what a run has trained, in this process and in a copy of its root."""
    shutil.copytree(run.root.path, copy)
    copied = Run(Root(copy), run.id, run.settings, force=True)
    for name in ("evaluate", "judge"):
        run_step(name, copied)
    return copied


def assert_evaluates_alike(trained_run: Run, expected: Run, beam: BeamSettings) -> None:
    """With a runner, evaluate writes the files and judge reaches the verdict of `in_process`; no shard is left."""
    run = Run(trained_run.root, trained_run.id, replace(trained_run.settings, beam=beam), force=True)
    for name in ("evaluate", "judge"):
        run_step(name, run)
    metrics, verdicts = [], []
    for one in (run, expected):
        metrics.append(one.artifact("evaluate", Evaluation).metrics)
        (one.directory / "evaluate" / "artifact.json").unlink()
        verdicts.append(json.loads((one.directory / "judge" / "verdict.json").read_text()))
        if evidence := verdicts[-1]["evidence"]:  # two verdicts are reached at different times
            del verdicts[-1]["look"]["champion_days"], evidence["look"]["champion_days"]
    assert metrics[0] == pytest.approx(metrics[1], abs=METRICS)
    assert verdicts[0] == verdicts[1]
    assert_same_evaluation(run.directory / "evaluate", expected.directory / "evaluate")
    assert not [*run.root.path.rglob(".beam-*"), *run.root.path.rglob("*.making")]


def assert_same_evaluation(ours: Path, theirs: Path) -> None:
    """Rows and scores bit for bit; in evaluation.json everything but TFMA's sums, and these to 1e-6; no shard is left.

    TFMA's files hold the same slices, metrics of both kinds and models.
    """
    names = sorted(path.relative_to(theirs) for path in theirs.rglob("*"))
    assert sorted(path.relative_to(ours) for path in ours.rglob("*")) == names
    for name in ("rows.npz", "row_hashes.npy", "background.json", "tfma/eval_config.json"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name
    (found, tfma), (expected, tfma_expected) = (_report(place) for place in (ours, theirs))
    assert found == expected
    assert tfma["rows"] == tfma_expected["rows"] == found["rows"]
    assert tfma.keys() == tfma_expected.keys()
    for model in tfma.keys() - {"rows"}:
        assert tfma[model] == pytest.approx(tfma_expected[model], abs=METRICS), model
        assert tfma[model]["ExampleCount"] == found["rows"]
    assert _metrics(ours) == pytest.approx(_metrics(theirs), abs=METRICS, nan_ok=True)


def _report(place: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    report = json.loads((place / "evaluation.json").read_text())
    return report, report.pop("tfma")


def _metrics(place: Path) -> dict[Any, float]:
    """Every number in TFMA's file of metrics, by slice and by its own key."""
    import tensorflow_model_analysis as tfma

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        records = [*tfma.load_metrics(str(place / "tfma"))]
    return {
        (record.slice_key.SerializeToString(), metric.key.SerializeToString()): metric.value.double_value.value
        for record in records
        for metric in record.metric_keys_and_values
    }
