"""What a model says of the evaluation rows, with the loader that the model server uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ml.config.settings import TargetSettings
from ml.errors import FinalError
from ml.evaluation.rows.evaluation_rows import EvaluationRows
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
    parts = []
    with Progress("evaluate", len(rows)) as progress:
        for columns in rows.batches():
            parts.append(servable.run(columns)["probability"])
            progress.advance(len(parts[-1]))
    probability: NDArray[np.float32] = np.concatenate(parts).astype(np.float32).reshape(-1)
    if len(probability) != len(rows) or not np.all((probability >= 0) & (probability <= 1)):
        raise FinalError(
            f"{servable.path}: {len(probability)} answers to {len(rows)} rows, or values that are not probabilities.",
            f"The model for {target.column} is broken: train it again.",
        )
    return probability
