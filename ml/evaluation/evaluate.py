"""Score candidate and champion on the same evaluation rows: TFMA on a sample, the same metrics over all of them."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.artifacts import Evaluation, Examples, Model
from ml.config.settings import EvaluateSettings, TargetSettings
from ml.data.features import FEATURES, NUMERIC, RawFeatures
from ml.errors import FinalError
from ml.evaluation.calibration import fit_calibration
from ml.evaluation.equality import answers_equally
from ml.evaluation.known_inputs import known_inputs
from ml.evaluation.metric_table import metric_text
from ml.evaluation.metrics import METRICS, binary_metrics, precision_at_top
from ml.evaluation.slices import SlicingColumns, slices, slicing_columns
from ml.evaluation.tfma.analysis import analyse
from ml.registry.champion import Champion
from ml.registry.policy.provenance import SAMPLE, difference
from ml.storage import files
from ml.storage.strict_json import without_nan

log = logging.getLogger(__name__)
Scores = dict[str, NDArray[np.float32]]
BATCH_ROWS = 8192
AGREEMENT = 1e-6
"""TFMA and the vectorised metrics may differ by so much on the same rows; more is a bug, and stops the run."""


def evaluate(
    examples: Examples,
    model: Model,
    *,
    champion: Champion | None,
    settings: EvaluateSettings,
    target: TargetSettings,
    source_kind: str = "",
    out: Path,
) -> Evaluation:
    """Compute the metrics of the candidate and, when there is a comparable one, of the champion.

    `source_kind` says where the candidate's data come from (`ml.registry.policy.provenance`).

    Writes `tfma/` (its own result files) and `evaluation.json` (every slice, TFMA's numbers, the ranking, and
    what scoring needs: calibration and known inputs).

    Raises:
        FinalError: There are no evaluation rows, a model returns something else than probabilities, or the two ways of
            computing the metrics disagree.
    """
    columns, labels, profiles = _rows(examples.eval)
    if not len(labels):
        raise FinalError(f"{examples.eval.name}: no evaluation row.", "Get more data, or change transform.eval_share.")
    incomparable = _other_question(champion, target)
    of_other_data = "" if incomparable or not champion else difference(source_kind, champion.source_kind)
    incomparable = incomparable or of_other_data
    models = {"candidate": model.saved_model}
    if champion and not incomparable:
        models["champion"] = champion.saved_model
    scores = {name: _score(path, columns, target) for name, path in models.items()}
    groups = slicing_columns(columns)
    by_slice = list(_by_slice(labels, scores, groups, target.threshold, settings.min_slice_rows))
    tfma = _tfma(labels, scores, groups, settings, target, out / "tfma")
    overall = by_slice[0]
    replaces_sample = bool(of_other_data) and champion is not None and champion.source_kind == SAMPLE
    same = _same(model, champion, scores, columns) if champion and not incomparable else ""
    report = {
        "rows": len(labels),
        "threshold": target.threshold,
        "champion_version": champion.number if champion else None,
        "incomparable": incomparable,
        "replaces_sample": replaces_sample,
        "same": same,
        "slices": by_slice,
        "tfma": tfma,
        "ranking": precision_at_top(labels, scores["candidate"]),
        "target": "/".join(target.positive_segments),
        "calibration": fit_calibration(labels, scores["candidate"], profiles).as_dict(),
        "inputs": {name: known.as_dict() for name, known in known_inputs(examples).items()},
    }
    files.write_json(out / "evaluation.json", without_nan(report))
    for name in models:
        log.info("%s: %s", name, ", ".join(f"{m} {metric_text(m, overall[name][m])}" for m in METRICS))
    return Evaluation(
        path=out,
        sha256=files.sha256_file(out / "evaluation.json"),
        rows=len(labels),
        model_sha256=model.sha256,
        metrics=overall["candidate"],
        champion_version=champion.number if champion else None,
        champion_metrics=overall.get("champion", {}),
        incomparable=incomparable,
        data_sha256=examples.sha256,
        replaces_sample=replaces_sample,
        same=same,
    )


def _rows(parquet: Path) -> tuple[RawFeatures, NDArray[np.int8], NDArray[np.uint64]]:
    """Return the raw features, the labels and the profile hashes of all rows."""
    table = pq.read_table(parquet, columns=[*FEATURES, "label", "profile"])
    columns = {name: table[name].to_numpy().astype(np.float32 if name in NUMERIC else object) for name in FEATURES}
    return columns, table["label"].to_numpy().astype(np.int8), table["profile"].to_numpy()


def _other_question(champion: Champion | None, target: TargetSettings) -> str:
    """Return how the champion's target or inputs differ from the candidate's, as the end of a sentence; "" if not."""
    if champion is None:
        return ""
    remembered = champion.release_record()
    if remembered["target"] is None:
        return "nobody knows what it predicts: it was adopted without its release record"
    wanted: dict[str, Any] = {"column": target.column, "positive_segments": list(target.positive_segments)}
    if remembered["target"] != wanted:
        theirs, ours = ("/".join(side["positive_segments"]) for side in (remembered["target"], wanted))
        return f"it predicts {remembered['target']['column']} = {theirs}, the candidate {target.column} = {ours}"
    if remembered["features"] != list(FEATURES):
        return f"its inputs are {', '.join(remembered['features'])}"
    return ""


def _same(model: Model, champion: Champion, scores: Scores, columns: RawFeatures) -> str:
    """Return "bytes" or "answers" when candidate and champion are equal in these, else ""."""
    if model.sha256 == champion.model_sha256:
        return "bytes"
    if not np.array_equal(scores["candidate"], scores["champion"]):
        return ""
    return "answers" if answers_equally(model.saved_model, champion.saved_model, columns) else ""


def _score(saved_model: Path, columns: RawFeatures, target: TargetSettings) -> NDArray[np.float32]:
    """Return probabilities, shape [n], computed with the loader that the model server uses."""
    from serving.models.saved_model import load

    servable = load(saved_model)
    try:
        rows = len(columns[FEATURES[0]])
        parts = [
            servable.run({name: column[start : start + BATCH_ROWS] for name, column in columns.items()})["probability"]
            for start in range(0, rows, BATCH_ROWS)
        ]
    finally:
        servable.close()
    probability: NDArray[np.float32] = np.concatenate(parts).astype(np.float32).reshape(-1)
    if len(probability) != rows or not np.all((probability >= 0) & (probability <= 1)):
        raise FinalError(
            f"{saved_model}: {len(probability)} answers to {rows} rows, or values that are not probabilities.",
            f"The model for {target.column} is broken: train it again.",
        )
    return probability


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


def _tfma(
    labels: NDArray[np.int8],
    scores: Scores,
    groups: SlicingColumns,
    settings: EvaluateSettings,
    target: TargetSettings,
    out: Path,
) -> dict[str, Any]:
    """Return TFMA's overall numbers on at most `tfma_rows` rows, after checking that ours are the same there."""
    chosen = np.arange(len(labels))
    if len(labels) > settings.tfma_rows:
        chosen = np.sort(np.random.default_rng(0).choice(len(labels), settings.tfma_rows, replace=False))
    labels = labels[chosen]
    scores = {name: probability[chosen] for name, probability in scores.items()}
    groups = {name: column[chosen] for name, column in groups.items()}
    found = analyse(labels, scores, groups, threshold=target.threshold, out=out)
    for selected_by, mask in slices(groups, len(labels)):
        key = tuple(selected_by.items())
        for name, probability in scores.items():
            ours, theirs = binary_metrics(labels[mask], probability[mask], target.threshold), found[name][key]
            _agree(ours, theirs, f"{name}, {selected_by or 'all rows'}")
    return {"rows": len(labels), **{name: found[name][()] for name in scores}}


def _agree(ours: dict[str, float], theirs: dict[str, float], where: str) -> None:
    for metric in METRICS:
        both_undefined = math.isnan(ours[metric]) and math.isnan(theirs[metric])
        if not both_undefined and not abs(ours[metric] - theirs[metric]) <= AGREEMENT:
            raise FinalError(
                f"{metric} of {where} is {theirs[metric]:.6f} to TFMA, {ours[metric]:.6f} to ml/evaluation/metrics.py.",
                "One of them is wrong; nothing is judged by numbers that disagree.",
            )
