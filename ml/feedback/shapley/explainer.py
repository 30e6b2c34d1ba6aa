"""The mean absolute Shapley values of some customers, by a version that is loaded into this process."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.rows.scoring import loaded
from ml.performance.estimate import Estimate
from ml.performance.live import WeekShapley
from ml.storage.root import Root
from serving.reasons.background import Background
from serving.reasons.columns import Instance, columns_of
from serving.reasons.explain import explain
from serving.reasons.mixed_rows import Columns, Predict
from serving.reasons.version_background import find_background

log = logging.getLogger(__name__)
FEWEST = 20
"""Customers, or there is no number."""
_BATCH_ROWS = 8192


class Explainer:
    """Explains customers against the background of a version.

    Args:
        background: That of the version.
        predict: Asks the version.
    """

    def __init__(self, background: Background, predict: Predict) -> None:
        self._background = background
        self._predict = predict

    def mean_absolute(self, week: str, rows: Sequence[Instance]) -> WeekShapley | None:
        """Return the means; None, and a line in the log, where fewer than `FEWEST` rows can be explained.

        Args:
            week: What the result is of.
            rows: Customers; a feature that one lacks is missing, and one that all lack was not recorded.
        """
        features, numbers = self._background.features, self._background.numbers
        absent = [name for name in features if not any(name in row for row in rows)]
        whole: list[Instance] = []
        for row in rows:
            one = {name: row.get(name) for name in features}
            try:
                columns_of([one], features, numbers)
            except ValueError:  # a number that was sent as text that is none
                continue
            whole.append(one)
        if absent or len(whole) < FEWEST:
            why = f"the record is without {', '.join(absent)}" if absent else f"{len(whole)} rows can be explained"
            log.warning("what moved the scores of %s is not known: %s", week or "the evaluation rows", why)
            return None
        sizes = np.abs(explain(whole, self._background, self._predict).values)
        error = sizes.std(axis=0, ddof=1) / np.sqrt(len(sizes))
        means = {
            name: Estimate.normal(mean, deviation, len(sizes)).within(0.0, 1.0)
            for name, mean, deviation in zip(features, sizes.mean(axis=0).tolist(), error.tolist(), strict=True)
        }
        return WeekShapley(week, len(sizes), means)


@contextmanager
def explainer_of(root: Root, model: str, version: str) -> Iterator[Explainer]:
    """Load a version for the duration of the block.

    Raises:
        FileNotFoundError: It is not kept.
        NoBackgroundError: It has no background.
        StatusError: It cannot be loaded.
    """
    place = root.version(model, int(version))
    if not place.is_dir():
        raise FileNotFoundError(f"there is no {place}")
    with loaded(place) as servable:

        def predict(columns: Columns) -> NDArray[Any]:
            rows = len(next(iter(columns.values())))
            parts = [
                servable.run({name: _as_sent(column[start : start + _BATCH_ROWS]) for name, column in columns.items()})
                for start in range(0, rows, _BATCH_ROWS)
            ]
            return np.concatenate([part["probability"].reshape(-1) for part in parts])

        def known_rows(rows: Sequence[Instance]) -> list[float]:
            numbers = {name for row in rows for name, value in row.items() if isinstance(value, float)}
            scores: list[float] = predict(columns_of(rows, [*rows[0]], numbers)).tolist()
            return scores

        yield Explainer(find_background(int(version), root.release(int(version)).parent, known_rows), predict)


def _as_sent(column: NDArray[Any]) -> NDArray[Any]:
    """Numbers as the model takes them."""
    return column if column.dtype == object else column.astype(np.float32)
