"""Score the candidate and all that it is compared with on the same evaluation rows, and measure the first two."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.artifacts import Evaluation, Examples, Model
from ml.config.settings import BeamSettings, EvaluateSettings, TargetSettings
from ml.data.schema import Schema
from ml.errors import FinalError
from ml.evaluation.background.background import write_background
from ml.evaluation.calibration import fit_calibration
from ml.evaluation.comparability import equality, other_question
from ml.evaluation.known_inputs import known_inputs
from ml.evaluation.metric_table import metric_text
from ml.evaluation.metrics import METRICS, binary_metrics, precision_at_top
from ml.evaluation.row_hashes import changed_share, read_row_hashes, write_row_hashes
from ml.evaluation.rows.evaluation_rows import EvaluationRows, batches
from ml.evaluation.rows.scoring import loaded, score, scores_of
from ml.evaluation.score_store import ScoreStore
from ml.evaluation.scored_rows import ScoredRows
from ml.evaluation.slices import SlicingColumns, slices
from ml.evaluation.tfma.agreement import agreeing_metrics
from ml.evaluation.tfma.analysis import analyse, read_metrics
from ml.registry.champion import Champion
from ml.registry.policy.provenance import SAMPLE, difference
from ml.registry.references.opponents import Opponents
from ml.storage import files
from ml.storage.strict_json import without_nan

log = logging.getLogger(__name__)
Scores = dict[str, NDArray[np.float32]]


def evaluate(
    examples: Examples,
    model: Model,
    *,
    opponents: Opponents,
    scores_directory: Path,
    schema: Schema,
    settings: EvaluateSettings,
    target: TargetSettings,
    source_kind: str = "",
    out: Path,
    beam: BeamSettings | None = None,
) -> Evaluation:
    """Compute the metrics of the candidate and, when there is a comparable one, of the baseline.

    `source_kind` says where the candidate's data come from (`ml.registry.policy.provenance`); below `scores_directory`
    are the scores of models that were asked about the same rows before. `schema` is the one of the run. With a runner
    in the section `beam` workers ask the models and add up TFMA's metrics (`ml.evaluation.workers`). What needs the
    scores of each row is done here even then: `rows.npz` holds them all, so that the verdict can be computed again.

    Writes `tfma/` (its own result files), `evaluation.json` (every slice, TFMA's numbers, the ranking, and what scoring
    needs: calibration and known inputs), `rows.npz` (the scores of all models), `row_hashes.npy` and `background.json`.

    Raises:
        FinalError: There are no evaluation rows, a model returns something else than probabilities, or the two ways of
            computing the metrics disagree.
        StatusError: A model cannot be loaded, or does not answer.
        TransientError: The job of the runner failed.
    """
    rows = EvaluationRows.read(examples.eval)
    labels, groups = rows.labels, rows.groups
    if not len(rows):
        raise FinalError(f"{examples.eval.name}: no evaluation row.", "Get more data, or change transform.eval_share.")
    baseline = opponents.baseline
    incomparable = other_question(baseline, target) or opponents.other_split
    of_other_data = "" if incomparable or not baseline else difference(source_kind, baseline.source_kind)
    incomparable = incomparable or of_other_data
    is_compared = baseline is not None and not incomparable
    anchor = opponents.anchor if is_compared else None
    left = _comparable(opponents.gone_back_from, target, source_kind) if is_compared else None
    compared = _compared(opponents, left) if is_compared else {}
    measured = {"candidate": model.sha256} | ({"champion": next(iter(compared))} if compared else {})
    store = ScoreStore(scores_directory / rows.identity(), len(rows))
    scored: Scores = {}  # by the hash of the model
    by_beam = beam is not None and bool(beam.runner)
    if beam is not None and by_beam:
        from ml.evaluation.workers.job import evaluate_in_workers

        scored = evaluate_in_workers(
            rows,
            {model.sha256: model.saved_model} | compared,
            store=store,
            measured=measured,
            target=target,
            settings=beam,
            out=out / "tfma",
        )
    with loaded(model.saved_model) as servable:
        candidate = scored[model.sha256] if by_beam else scores_of(servable, rows, target)
        write_background(examples, servable, out / "background.json")
    if not by_beam:
        scored[model.sha256] = candidate
        store.put(model.sha256, candidate)
        for sha256, saved_model in compared.items():
            scored[sha256] = store.get(sha256, partial(score, saved_model, rows, target))
    scores = {name: scored[sha256] for name, sha256 in measured.items()}
    references = []
    if compared:
        others = (scored[one.model_sha256] for one in opponents.references)
        # A repeated run may meet its own candidate, which would halve every difference.
        references = [scores["champion"], *(one for one in others if not np.array_equal(one, candidate))]
    by_slice = list(_by_slice(labels, scores, groups, target.threshold, settings.min_slice_rows))
    if not by_beam:
        analyse(labels, scores, groups, threshold=target.threshold, out=out / "tfma")
    tfma = agreeing_metrics(
        read_metrics(out / "tfma", list(scores)), labels, scores, groups, threshold=target.threshold
    )
    overall = by_slice[0]
    is_champion = baseline is not None and baseline.number == opponents.champion
    replaces_sample = bool(of_other_data) and is_champion and baseline is not None and baseline.source_kind == SAMPLE
    same = ""
    if baseline is not None and is_compared and not opponents.stand_in:
        same = equality(model, baseline, scores, next(batches(rows.parquet)))
    report = {
        "rows": len(rows),
        "threshold": target.threshold,
        "champion_version": opponents.champion,
        "baseline": opponents.name,
        "references": [one.name for one in opponents.references] if is_compared else [],
        "anchor": anchor.name if anchor else "",
        "incomparable": incomparable,
        "replaces_sample": replaces_sample,
        "same": same,
        "slices": by_slice,
        "tfma": tfma,
        "ranking": precision_at_top(labels, candidate),
        "target": "/".join(target.positive_segments),
        "calibration": fit_calibration(labels, candidate, rows.profiles).as_dict(),
        "inputs": {name: known.as_dict() for name, known in known_inputs(examples, schema).items()},
    }
    files.write_json(out / "evaluation.json", without_nan(report))
    ScoredRows(
        rows.rows,
        rows.profiles,
        labels,
        candidate,
        np.array(references, np.float32).reshape(-1, len(labels)),
        scored[anchor.model_sha256] if anchor else None,
        groups,
        scored[left.model_sha256] if left else None,
    ).write(out / "rows.npz")
    write_row_hashes(examples, out / "row_hashes.npy")
    for name in scores:
        log.info("%s: %s", name, ", ".join(f"{m} {metric_text(m, overall[name][m])}" for m in METRICS))
    return Evaluation(
        path=out,
        sha256=files.sha256_json([files.sha256_file(out / "evaluation.json"), files.sha256_file(out / "rows.npz")]),
        rows=len(rows),
        model_sha256=model.sha256,
        metrics=overall["candidate"],
        champion_version=opponents.champion,
        champion_metrics=overall.get("champion", {}),
        incomparable=incomparable,
        data_sha256=examples.sha256,
        replaces_sample=replaces_sample,
        same=same,
        baseline=opponents.name,
        baseline_version=baseline.number if baseline else None,
        baseline_note=opponents.note,
        served=opponents.served,
        anchor=opponents.anchor.name if opponents.anchor else "",
        anchor_version=opponents.anchor.version if opponents.anchor else None,
        anchor_sha256=opponents.anchor.model_sha256 if opponents.anchor and opponents.anchor.version is None else "",
        stand_in=opponents.stand_in,
        changed_share=changed_share(out / "row_hashes.npy", read_row_hashes(baseline)) if baseline else None,
        gone_back_from=left.model_sha256 if left else "",
    )


def _compared(opponents: Opponents, left: Champion | None) -> dict[str, Path]:
    """Return the SavedModels of the baseline, which comes first, and of all that scores are compared with beside it."""
    found = [opponents.baseline, *opponents.references, opponents.anchor, left]
    return {one.model_sha256: one.saved_model for one in found if one is not None}


def _comparable(left: Champion | None, target: TargetSettings, source_kind: str) -> Champion | None:
    """Return the quarantined version from which a hold came, if it answers the question of the candidate."""
    if left is None or not (left.release / "release.json").is_file() or other_question(left, target):
        return None
    return None if difference(source_kind, left.source_kind) else left


def _by_slice(
    labels: NDArray[np.int8], scores: Scores, groups: SlicingColumns, threshold: float, min_rows: int
) -> Iterator[dict[str, Any]]:
    """Yield the metrics of all rows first, then those of every slice with at least `min_rows`."""
    for selected_by, mask in slices(groups, len(labels)):
        rows = int(np.count_nonzero(mask))
        if rows >= min_rows or not selected_by:
            yield {"slice": selected_by, "rows": rows} | {
                name: binary_metrics(labels[mask], probability[mask], threshold) for name, probability in scores.items()
            }
