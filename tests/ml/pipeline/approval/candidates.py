"""Runs whose steps up to the verdict are done, with a few bytes in place of data and network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ml.artifacts import Accepted, Dataset, Evaluation, Model, Verdict
from ml.config.settings import Settings
from ml.pipeline.run import Run
from ml.registry.golden_rows import GoldenRows
from ml.registry.ledger.ledger import Ledger
from ml.storage import files, run_order
from ml.storage.artifact import Artifact
from ml.storage.root import Root

GOOD = {"code": "better", "sentence": "AUC rose beyond doubt."}


def with_approval(settings: Settings, approval: str) -> Settings:
    return replace(settings, gate=replace(settings.gate, approval=approval))


def judged_run(
    root: Root, settings: Settings, run_id: str = "r", *, decision: str = "better", code: str = "", **evaluated: Any
) -> Run:
    """A run that the gate has decided about, beside the champion of now, whose version serves."""
    run = Run(root, run_id, settings)
    files.make_directories(run.directory)
    run_order.begin(run.directory)
    run.freeze_settings()
    champion = Ledger(root.ledger).champion()
    number = champion.number if champion else None

    def made(step: str, work: Any) -> None:
        with run.recording(step) as result:
            result |= run.make_artifact(step, work, inputs={})

    def ingest(out: Path) -> Artifact:
        (out / "data.csv").write_text(f"ID\n{run_id}\n")
        return Dataset(out, files.sha256_file(out / "data.csv"), 1, f"file:{run_id}.csv")

    def validate(out: Path) -> Artifact:
        (out / "statistics.pb").write_bytes(b"statistics")
        return Accepted(out, "v", 1, run.step_directory("ingest") / "data.csv", [], {})

    def train(out: Path) -> Artifact:
        (out / "saved_model").mkdir()
        (out / "saved_model" / "saved_model.pb").write_text(run_id)
        GoldenRows([{"Age": float(i)} for i in range(3)], [0.1, 0.2, 0.3]).write(out / "replay.json")
        return Model(out, files.sha256_tree(out / "saved_model"), 1, 1, 0.5)

    made("ingest", ingest)
    made("validate", validate)
    made("transform", lambda out: Artifact(out, "t", 1))
    made("train", train)
    model = run.artifact("train", Model)
    compared: dict[str, Any] = {"champion_version": number, "baseline_version": number, "served": number, **evaluated}

    def evaluate(out: Path) -> Artifact:
        (out / "evaluation.json").write_text("{}")
        metrics = {"AUC": 0.9}
        facts = {"champion_metrics": {}, "incomparable": "", "data_sha256": "d"} | compared
        return Evaluation(out, "e", 1, model.sha256, metrics, **facts)

    def judge(out: Path) -> Artifact:
        promotes = decision in ("first", "better", "refresh", "accepted", "replaces_sample")
        reasons = [{"code": code, "sentence": f"It is {code}."}] if code else [GOOD]
        served = compared["served"]
        facts: dict[str, Any] = {"decision": decision, "served": served, "baseline_version": number}
        return Verdict(out, "j", 1, promotes, reasons, model.sha256, number, {"AUC": 0.9}, {}, **facts)

    made("evaluate", evaluate)
    made("judge", judge)
    return run
