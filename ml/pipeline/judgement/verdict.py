"""Reach a verdict, and leave beside it all that anybody needs to compute it again."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

from ml.artifacts import Evaluation, Verdict
from ml.errors import FinalError
from ml.evaluation.scored_rows import ScoredRows
from ml.gate.context import Look
from ml.gate.decision import Decision, decide
from ml.gate.judge import judge
from ml.pipeline.judgement.look import note_look
from ml.pipeline.run import Run
from ml.storage import files
from ml.storage.strict_json import without_nan


def reach_verdict(run: Run, evaluation: Evaluation, out: Path) -> Verdict:
    """Count the look, compare the scores, and return the verdict; `verdict.json` and `rows.npz` are written into `out`.

    A candidate that cannot be compared, or is the baseline once more, costs no look.
    """
    look = decision = None
    if not evaluation.scored_rows.is_file():
        raise FinalError(
            f"Run {run.id} was evaluated by an older release, which left no scored rows.",
            f"Repeat the step: python -m ml evaluate --run {run.id}",
        )
    scored = ScoredRows.read(evaluation.scored_rows)
    if evaluation.is_compared and not evaluation.same:
        look = note_look(run, evaluation)
        decision = decide(
            scored,
            look,
            settings=run.settings.gate,
            threshold=run.settings.target.threshold,
            economics=run.settings.gate_economics,
        )
    verdict = judge(evaluation, decision, settings=run.settings.judge, out=out)
    _write(run, evaluation, verdict, decision, look)
    return verdict


def _write(run: Run, evaluation: Evaluation, verdict: Verdict, decision: Decision | None, look: Look | None) -> None:
    report = {
        "run_id": run.id,
        "decision": verdict.decision,
        "reasons": verdict.reasons,
        "model_sha256": verdict.model_sha256,
        "champion_version": verdict.champion_version,
        "baseline": evaluation.baseline,
        "anchor": evaluation.anchor,
        "rows": evaluation.rows,
        "threshold": run.settings.target.threshold,
        "metrics": verdict.metrics,
        "champion_metrics": verdict.champion_metrics,
        "schema": {"number": run.schema_number, "sha256": run.schema.sha256},
        "settings": {name: run.settings.as_dict()[name] for name in ("judge", "gate")},
        "better_than": verdict.better_than,
        "look": asdict(look) if look else None,
        "evidence": dict(decision.details) if decision else None,
        "rows_sha256": files.sha256_file(evaluation.scored_rows),
    }
    files.write_json(verdict.report, without_nan(report))
    shutil.copyfile(evaluation.scored_rows, verdict.scored_rows)
