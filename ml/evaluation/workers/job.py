"""The evaluation rows as a job of a Beam runner."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.beam.evaluation import evaluate_shards
from ml.beam.parquet_shards import split_parquet
from ml.beam.shared_files import shared_directory
from ml.config.settings import BeamSettings, TargetSettings
from ml.evaluation.rows.evaluation_rows import BATCH_ROWS, EvaluationRows
from ml.evaluation.rows.scoring import require_probabilities
from ml.evaluation.score_store import ScoreStore
from ml.evaluation.workers.shard import COLUMNS, ShardWork

log = logging.getLogger(__name__)
ROWS = 8 * BATCH_ROWS
"""Rows of a shard. A multiple of `BATCH_ROWS`, so that a model is asked the same rows together as in one process."""
Scores = NDArray[np.float32]


def evaluate_in_workers(
    rows: EvaluationRows,
    models: Mapping[str, Path],
    *,
    store: ScoreStore,
    measured: Mapping[str, str],
    target: TargetSettings,
    settings: BeamSettings,
    out: Path,
) -> dict[str, Scores]:
    """Return the probabilities of all models, float32 [n], and write TFMA's result files below `out`.

    The rows lie as shards beside `out` meanwhile, or in `beam.directory`.

    Args:
        rows: What the models are asked about.
        models: The SavedModels by their hashes.
        store: The scores of models that were asked before; those of the others are put into it.
        measured: The hash of each model that TFMA is told of, by its name there. The candidate is asked in any case.
        target: What the label is.
        settings: The section `beam`, with a runner.
        out: A directory that is not there.

    Raises:
        FinalError: A model returns something else than a probability for each row.
        StatusError: A model cannot be loaded, or does not answer.
        TransientError: The job failed or did not end in time.
    """
    found = {sha256: store.kept(sha256) for sha256 in models if sha256 != measured["candidate"]}
    known = {sha256: scores for sha256, scores in found.items() if scores is not None}
    asked = {sha256: place for sha256, place in models.items() if sha256 not in known}
    with shared_directory(settings, out.parent, step="evaluate") as directory:
        also = {sha256: known[sha256] for sha256 in measured.values() if sha256 in known}
        shards = split_parquet(rows.parquet, directory, columns=COLUMNS, rows=ROWS, also=also)
        log.info("%s: %d models and %d rows in %d shards", settings.runner, len(asked), len(rows), len(shards))
        answers = evaluate_shards(
            shards,
            asked,
            ShardWork(dict(measured), target.threshold),
            settings=settings,
            directory=directory,
            out=out,
        )
    for sha256, scores in answers.items():
        require_probabilities(scores, len(rows), models[sha256], target)
        store.put(sha256, scores)
    return answers | known
