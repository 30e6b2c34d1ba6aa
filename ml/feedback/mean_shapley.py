"""Which features move the scores of the customers of each week: mean absolute Shapley values of a sample.

A model whose customers have changed leans on other features than before, and that needs no outcome to be seen. The
values are exact (`serving.reasons.shapley`), against the background of the version; beside them stand those of
customers of the data that it was made from.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.errors import RetrainError
from ml.evaluation.rows.scoring import loaded
from ml.feedback.reference_rows import reference_rows
from ml.feedback.traffic_sample import TrafficSample, iso_week
from ml.performance.estimate import Estimate
from ml.performance.live import VersionPerformance, WeekShapley
from ml.registry.kept_data import kept_data
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root
from serving.errors import StatusError
from serving.reasons.background import Background
from serving.reasons.columns import Instance, columns_of
from serving.reasons.explain import explain
from serving.reasons.mixed_rows import Columns, Predict
from serving.reasons.version_background import NoBackgroundError, find_background

log = logging.getLogger(__name__)
ROWS = 200
"""Customers of a week who are explained, at most."""
FEWEST = 20
MOST_WEEKS = 8
"""So many of the last weeks that are over are explained; what was computed once is kept, and is not computed again."""
KEPT_WEEKS = 52
_BATCH_ROWS = 8192


def with_mean_shapley(
    root: Root,
    model: str,
    version: VersionPerformance,
    traffic: TrafficSample,
    *,
    before: VersionPerformance | None,
    now: datetime,
) -> VersionPerformance:
    """Return a version with what moved its scores in each week; only what is not known from before is computed.

    Where that is impossible the log says why, and the version has what is known.

    Args:
        root: Where its model, its release record and its data are.
        model: The name of the model.
        version: The version.
        traffic: Some rows of the record by week.
        before: The same version as it was computed last.
        now: The time: a week that is not over gets more rows.
    """
    known = {one.week: one for one in before.shapley} if before else {}
    reference = before.reference_shapley if before else None
    missing = [week for week in _ended(traffic, version.version, now) if week not in known]
    if missing or (known and reference is None):
        try:
            with _explainer(root, model, version.version) as explained:
                for week in missing:
                    found = explained(week, [row.features for row in traffic.rows(version.version, week, ROWS)])
                    known |= {week: found} if found else {}
                csv = _data(root, version.version) if reference is None else None
                reference = explained("", reference_rows(csv, ROWS)) if csv is not None else reference
        except (NoBackgroundError, StatusError, RetrainError, OSError, ValueError, LookupError) as error:
            log.warning("what moves the scores of version %s is not known: %s", version.version, error)
    weeks = tuple(known[week] for week in sorted(known)[-KEPT_WEEKS:])
    return replace(version, shapley=weeks, reference_shapley=reference)


def _ended(traffic: TrafficSample, version: str, now: datetime) -> list[str]:
    this = iso_week(now.date())
    ended = [week for week in traffic.weeks(version) if week < this]
    return [week for week in ended[-MOST_WEEKS:] if len(traffic.rows(version, week, ROWS)) >= FEWEST]


def _data(root: Root, version: str) -> Path | None:
    found = Ledger(root.ledger).versions().get(int(version))
    return kept_data(root, str(found.intent.get("data_sha256", ""))) if found is not None else None


class _Explainer:
    def __init__(self, background: Background, predict: Predict) -> None:
        self._background = background
        self._predict = predict

    def __call__(self, week: str, rows: Sequence[Instance]) -> WeekShapley | None:
        """Return the means of the rows that can be explained; None, and a line in the log, for too few of them."""
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
            log.warning("what moved the scores of %s is not known: %s", week or "the data", why)
            return None
        sizes = np.abs(explain(whole, self._background, self._predict).values)
        error = sizes.std(axis=0, ddof=1) / np.sqrt(len(sizes))
        means = {
            name: Estimate.normal(mean, deviation, len(sizes)).within(0.0, 1.0)
            for name, mean, deviation in zip(features, sizes.mean(axis=0).tolist(), error.tolist(), strict=True)
        }
        return WeekShapley(week, len(sizes), means)


@contextmanager
def _explainer(root: Root, model: str, version: str) -> Iterator[_Explainer]:
    """Load a version for the duration of the block.

    Raises:
        FileNotFoundError: It is not kept.
        NoBackgroundError: It has no background.
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

        yield _Explainer(find_background(int(version), root.release(int(version)).parent, known_rows), predict)


def _as_sent(column: NDArray[Any]) -> NDArray[Any]:
    """Numbers as the model takes them; between equal scores of float32 there is nothing to explain."""
    return column if column.dtype == object else column.astype(np.float32)
