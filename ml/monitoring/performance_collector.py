"""Samples of how versions do with real customers, from what was computed last (`python -m ml performance`)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, time

from ml.monitoring.state_collectors import Sample, require_directory
from ml.performance.live import LivePerformance, Measured, VersionPerformance
from ml.performance.live_file import read_live_performance
from ml.storage.root import Root

MEASURES = tuple(each.name for each in fields(VersionPerformance) if each.type == "Measured")
"""The values of the label `measure`."""
BOUNDS = ("low", "high")


def collect_performance(root: Root, most: int) -> Iterator[Sample]:
    """Yield what is known of the champion and of the newest other versions that are kept, and of outcomes.

    Args:
        root: Where the file is.
        most: Of how many versions, since each is a label: `keep.versions`.

    Raises:
        SettingsError: The root is not a directory.
        FinalError: The file is damaged.
    """
    require_directory(root)
    performance = read_live_performance(root)
    if performance is None:
        return
    yield Sample("retrain_live_computed_timestamp_seconds", performance.computed.timestamp())
    yield from _outcomes(performance)
    for version in _shown(root, performance, most):
        yield from _of_version(version)


def _shown(root: Root, performance: LivePerformance, most: int) -> list[VersionPerformance]:
    kept = [one for one in performance.versions if one.is_champion or root.release(int(one.version)).is_dir()]
    return sorted(kept, key=lambda one: (one.is_champion, int(one.version)), reverse=True)[:most]


def _outcomes(performance: LivePerformance) -> Iterator[Sample]:
    yield Sample("retrain_live_outcomes", performance.outcomes)
    for case, left in performance.left.items():
        yield Sample("retrain_live_outcomes_left", left.count, (case,))
    yield Sample("retrain_live_unreadable", performance.unreadable_lines, ("lines",))
    yield Sample("retrain_live_unreadable", performance.unreadable_files, ("files",))
    if performance.newest_outcome is not None:
        yield Sample("retrain_live_newest_outcome_timestamp_seconds", performance.newest_outcome.timestamp())
    if performance.newest_list is not None:
        begun = datetime.combine(performance.newest_list, time(), UTC)
        yield Sample("retrain_live_newest_list_timestamp_seconds", begun.timestamp())


def _of_version(version: VersionPerformance) -> Iterator[Sample]:
    number = version.version
    for kind in ("scored", "asked", "with_outcome"):
        yield Sample("retrain_live_customers", getattr(version, kind), (number, kind))
    yield Sample("retrain_live_fallen", float(bool(version.fall)), (number,))
    for name in MEASURES:
        measured: Measured = getattr(version, name)
        if not measured.is_known:
            continue
        yield Sample("retrain_live_metric", measured.estimate.value, (number, name))
        for bound in BOUNDS:
            end = getattr(measured.estimate, bound)
            if math.isfinite(end):
                yield Sample("retrain_live_metric_bound", end, (number, name, bound))
