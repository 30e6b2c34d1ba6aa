"""What a model says of the evaluation rows, with the loader that the model server uses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.config.settings import TargetSettings
from ml.errors import FinalError
from ml.evaluation.rows.evaluation_rows import EvaluationRows


def score(saved_model: Path, rows: EvaluationRows, target: TargetSettings) -> NDArray[np.float32]:
    """Return the probabilities of a model, shape [n]; it is asked batch by batch.

    Raises:
        FinalError: It returns something else than a probability for each row.
    """
    from serving.models.saved_model import load

    servable = load(saved_model)
    try:
        parts = [servable.run(columns)["probability"] for columns in rows.batches()]
    finally:
        servable.close()
    probability: NDArray[np.float32] = np.concatenate(parts).astype(np.float32).reshape(-1)
    if len(probability) != len(rows) or not np.all((probability >= 0) & (probability <= 1)):
        raise FinalError(
            f"{saved_model}: {len(probability)} answers to {len(rows)} rows, or values that are not probabilities.",
            f"The model for {target.column} is broken: train it again.",
        )
    return probability
