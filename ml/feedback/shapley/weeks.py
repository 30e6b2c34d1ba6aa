"""The mean absolute Shapley values of a version's weeks, each computed once, and of its evaluation rows.

A model whose customers have changed leans on other features than before, and that needs no outcome to be seen. The
values are exact (`serving.reasons.shapley`), against the background of the version.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ml.errors import RetrainError
from ml.feedback.shapley.evaluated_rows import evaluated_rows
from ml.feedback.shapley.explainer import FEWEST, explainer_of
from ml.feedback.traffic_sample import TrafficSample, iso_week
from ml.performance.live import VersionPerformance
from ml.registry.kept_data import kept_data
from ml.registry.ledger.ledger import Ledger
from ml.storage.root import Root
from serving.errors import StatusError
from serving.reasons.version_background import NoBackgroundError

log = logging.getLogger(__name__)
ROWS = 200
"""Customers who are explained for one number, at most."""
MOST_WEEKS = 8
"""So many of the last weeks that are over are explained; what was computed once is kept, and is not computed again."""
KEPT_WEEKS = 52


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

    Where that is impossible the log says why, and the version has what is known. Without a week there is nothing to put
    beside evaluation rows, and they are not explained.

    Args:
        root: Where its model, its release record and its data are.
        model: The name of the model.
        version: The version.
        traffic: Some rows of the record by week.
        before: The same version as it was computed last.
        now: The time: a week that is not over gets more rows.
    """
    known = {one.week: one for one in before.shapley} if before else {}
    evaluated = before.reference_shapley if before else None
    missing = [week for week in _ended(traffic, version.version, now) if week not in known]
    csv = _data(root, version.version) if evaluated is None and (known or missing) else None
    if missing or csv is not None:
        try:
            with explainer_of(root, model, version.version) as explainer:
                for week in missing:
                    found = explainer.mean_absolute(
                        week, [row.features for row in traffic.rows(version.version, week, ROWS)]
                    )
                    known |= {week: found} if found else {}
                if csv is not None:
                    release = root.release(int(version.version))
                    evaluated = explainer.mean_absolute("", evaluated_rows(release, csv, ROWS))
        except (NoBackgroundError, StatusError, RetrainError, OSError, ValueError, LookupError) as error:
            log.warning("what moves the scores of version %s is not known: %s", version.version, error)
    weeks = tuple(known[week] for week in sorted(known)[-KEPT_WEEKS:])
    return replace(version, shapley=weeks, reference_shapley=evaluated)


def _ended(traffic: TrafficSample, version: str, now: datetime) -> list[str]:
    this = iso_week(now.date())
    ended = [week for week in traffic.weeks(version) if week < this]
    return [week for week in ended[-MOST_WEEKS:] if len(traffic.rows(version, week, ROWS)) >= FEWEST]


def _data(root: Root, version: str) -> Path | None:
    found = Ledger(root.ledger).versions().get(int(version))
    return kept_data(root, str(found.intent.get("data_sha256", ""))) if found is not None else None
