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
from ml.config.settings import EvaluateSettings, TargetSettings
from ml.data.schema import Schema
from ml.errors import FinalError
from ml.evaluation.background.background import write_background
from ml.evaluation.calibration import fit_calibration
from ml.evaluation.comparability import equality, other_question
from ml.evaluation.known_inputs import known_inputs
from ml.evaluation.metric_table import metric_text
from ml.evaluation.metrics import METRICS, binary_metrics, precision_at_top
from ml.evaluation.row_hashes import changed_share, read_row_hashes, write_row_hashes
from ml.evaluation.rows.evaluation_rows import EvaluationRows
from ml.evaluation.rows.scoring import loaded, score, scores_of
from ml.evaluation.score_store import ScoreStore
from ml.evaluation.scored_rows import ScoredRows
from ml.evaluation.slices import SlicingColumns, slices
from ml.evaluation.tfma.agreement import agreeing_tfma_metrics
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
) -> Evaluation:
    """Compute the metrics of the candidate and, when there is a comparable one, of the baseline.

    `source_kind` says where the candidate's data come from (`ml.registry.policy.provenance`); below `scores_directory`
    are the scores of models that were asked about the same rows before. `schema` is the one of the run.

    Writes `tfma/` (its own result files), `evaluation.json` (every slice, TFMA's numbers, the ranking, and what scoring
    needs: calibration and known inputs), `rows.npz` (the scores of all models), `row_hashes.npy` and `background.json`.

    Raises:
        FinalError: There are no evaluation rows, a model returns something else than probabilities, or the two ways of
            computing the metrics disagree.
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
    store = ScoreStore(scores_directory / rows.identity(), len(rows))
    with loaded(model.saved_model) as servable:
        candidate = scores_of(servable, rows, target)
        write_background(examples, servable, out / "background.json")
    store.put(model.sha256, candidate)
    scores = {"candidate": candidate}
    references, anchor, left = [], None, None
    if baseline is not None and is_compared:
        named = [(baseline.model_sha256, baseline.saved_model)]
        named += [(one.model_sha256, one.saved_model) for one in opponents.references]
        found = [store.get(sha256, partial(score, path, rows, target)) for sha256, path in named]
        # A repeated run may meet its own candidate, which would halve every difference.
        references = [found[0], *(one for one in found[1:] if not np.array_equal(one, candidate))]
        scores["champion"] = references[0]
        if one := opponents.anchor:
            anchor = store.get(one.model_sha256, partial(score, one.saved_model, rows, target))
        if bad := _comparable(opponents.gone_back_from, target, source_kind):
            left = store.get(bad.model_sha256, partial(score, bad.saved_model, rows, target))
    by_slice = list(_by_slice(labels, scores, groups, target.threshold, settings.min_slice_rows))
    tfma = agreeing_tfma_metrics(labels, scores, groups, threshold=target.threshold, out=out / "tfma")
    overall = by_slice[0]
    is_champion = baseline is not None and baseline.number == opponents.champion
    replaces_sample = bool(of_other_data) and is_champion and baseline is not None and baseline.source_kind == SAMPLE
    same = ""
    if baseline is not None and is_compared and not opponents.stand_in:
        same = equality(model, baseline, scores, next(rows.batches()))
    report = {
        "rows": len(rows),
        "threshold": target.threshold,
        "champion_version": opponents.champion,
        "baseline": opponents.name,
        "references": [one.name for one in opponents.references] if is_compared else [],
        "anchor": opponents.anchor.name if opponents.anchor and is_compared else "",
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
        anchor,
        groups,
        left,
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
        gone_back_from=opponents.gone_back_from.model_sha256 if opponents.gone_back_from and left is not None else "",
    )


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
