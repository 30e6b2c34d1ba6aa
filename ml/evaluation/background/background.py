"""Choose the background of a model, measure it against a larger one, and write it beside the evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml.artifacts import Examples
from ml.data.features import FEATURES, NUMERIC, RawFeatures
from ml.errors import FinalError
from ml.evaluation.background.sample import sample
from ml.evaluation.background.selection import select
from ml.storage import files
from serving.reasons.background import MOST_ROWS, Background, BackgroundError
from serving.reasons.columns import instances_of
from serving.reasons.mixed_rows import Columns, Predict
from serving.reasons.shapley import PairValues, pair_values

if TYPE_CHECKING:
    from serving.models.saved_model import Servable  # TensorFlow

REFERENCE_ROWS = 500
CUSTOMERS = 18
"""On whose values the rows are chosen; more of them cost time and gain little."""
FOLDS = 3
BATCH_ROWS = 8192
Floats = NDArray[np.float64]


def write_background(examples: Examples, servable: Servable, path: Path) -> Background:
    """Choose the background of a model, write it to `path`, and return it; equal files make equal backgrounds.

    The reference is a sample of the train side, without rows that outcomes added: what comes of it goes out with the
    version, and would outlast a customer who is erased. The customers on whose values the background is chosen are
    from the evaluation side.

    Raises:
        FinalError: One side has no row, or the model does not give a finite score to each row.
    """
    reference = sample(examples.train, "row", REFERENCE_ROWS, of=examples.obtained_rows)
    customers = sample(examples.eval, "profile", CUSTOMERS, distinct=True)

    def predict(columns: Columns) -> NDArray[Any]:
        rows = len(columns[FEATURES[0]])
        parts = [
            servable.run({name: column[start : start + BATCH_ROWS] for name, column in columns.items()})["probability"]
            for start in range(0, rows, BATCH_ROWS)
        ]
        return np.concatenate(parts)

    try:
        found = chosen_background(reference, customers, predict)
    except ValueError as error:
        raise FinalError(
            f"{servable.path}: no background for reasons can be chosen ({error}).", "Get more data, or train again."
        ) from error
    files.write_json(path, found.as_dict())
    return found


def chosen_background(reference: RawFeatures, customers: RawFeatures, predict: Predict) -> Background:
    """Choose at most `MOST_ROWS` rows of a reference so that Shapley values with them are close to those with all.

    The error is that of a cross-validation: customers of each fold are explained with rows chosen without them. What is
    returned was chosen on all of them.

    Raises:
        ValueError: There is no row or no customer, or `predict` does not answer each row with a finite number.
    """
    pairs = pair_values(customers, reference, predict)
    best = select(_stacked(pairs.values), MOST_ROWS)
    rows: Columns = {name: column[best.rows] for name, column in reference.items()}
    instances = [{name: None if value != value else value for name, value in row.items()} for row in instances_of(rows)]
    return Background(
        tuple(instances),
        NUMERIC,
        tuple(best.weights.tolist()),
        tuple(pairs.base[best.rows].tolist()),
        _error(pairs),
    )


def _error(pairs: PairValues) -> BackgroundError:
    customers, reference_rows, _ = pairs.values.shape
    if customers < FOLDS:
        return BackgroundError(reference_rows, 0, None, None, None)
    right = pairs.values.mean(axis=1)
    found = np.empty_like(right)
    for fold in range(FOLDS):
        held = np.arange(customers) % FOLDS == fold
        mixture = select(_stacked(pairs.values[~held]), MOST_ROWS)
        found[held] = np.einsum("nmf,m->nf", pairs.values[held][:, mixture.rows], mixture.weights)
    difference = np.abs(found - right)
    same = np.abs(found).argmax(axis=1) == np.abs(right).argmax(axis=1)
    return BackgroundError(
        reference_rows, customers, float(difference.mean()), float(difference.max()), float(same.mean())
    )


def _stacked(values: Floats) -> Floats:
    """Return the values of all customers against each row, shape [n * F, m], of shape [n, m, F]."""
    return values.transpose(0, 2, 1).reshape(-1, values.shape[1])
