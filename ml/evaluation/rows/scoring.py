"""What a model says of the evaluation rows, with the loader that the model server uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ml.config.settings import TargetSettings
from ml.data.features import RawFeatures
from ml.errors import FinalError
from ml.evaluation.rows.evaluation_rows import EvaluationRows, batches
from ml.storage.progress import Progress

if TYPE_CHECKING:
    from serving.models.saved_model import Servable  # TensorFlow


@contextmanager
def loaded(saved_model: Path) -> Iterator[Servable]:
    """Load a model for the duration of the block."""
    from serving.models.saved_model import load

    servable = load(saved_model)
    try:
        yield servable
    finally:
        servable.close()


def score(saved_model: Path, rows: EvaluationRows, target: TargetSettings) -> NDArray[np.float32]:
    """Return the probabilities of a model, shape [n]; it is asked batch by batch.

    Raises:
        FinalError: It returns something else than a probability for each row.
    """
    with loaded(saved_model) as servable:
        return scores_of(servable, rows, target)


def scores_of(servable: Servable, rows: EvaluationRows, target: TargetSettings) -> NDArray[np.float32]:
    """Return the same of a model that is loaded.

    Raises:
        FinalError: It returns something else than a probability for each row.
    """
    with Progress("evaluate", len(rows)) as progress:
        probability = answers_to(servable, batches(rows.parquet), progress)
    require_probabilities(probability, len(rows), servable.path, target)
    return probability


def answers_to(
    servable: Servable, asked: Iterable[RawFeatures], progress: Progress | None = None
) -> NDArray[np.float32]:
    """Return what a model answers to batches of raw features, one behind the other in one dimension."""
    parts = []
    for columns in asked:
        parts.append(servable.run(columns)["probability"])
        if progress:
            progress.advance(len(parts[-1]))
    answers: NDArray[np.float32] = np.concatenate(parts).astype(np.float32).reshape(-1)
    return answers


def are_probabilities(answers: NDArray[np.float32], rows: int) -> bool:
    """Whether these are a probability for each of so many rows."""
    return len(answers) == rows and bool(np.all((answers >= 0) & (answers <= 1)))


def require_probabilities(answers: NDArray[np.float32], rows: int, saved_model: Path, target: TargetSettings) -> None:
    """Refuse a model with other answers.

    Raises:
        FinalError: They are not a probability for each of so many rows.
    """
    if not are_probabilities(answers, rows):
        raise FinalError(
            f"{saved_model}: {len(answers)} answers to {rows} rows, or values that are not probabilities.",
            f"The model for {target.column} is broken: train it again.",
        )
