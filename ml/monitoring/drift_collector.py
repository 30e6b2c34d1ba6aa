"""Samples of the last look at the traffic of the version that serves (`python -m ml monitor`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ml.drift.finding import DRIFT, FALL
from ml.drift.last_checks import read_checks
from ml.errors import FinalError
from ml.monitoring.state_collectors import Sample, require_directory
from ml.storage.root import Root

FAMILIES = (
    ("retrain_monitoring_timestamp_seconds", "When somebody last looked at the traffic.", ()),
    ("retrain_monitoring_customers", "Customers of the version that serves whom that look had.", ()),
    ("retrain_monitoring_findings", "What it found of each kind: drift, fall.", ("kind",)),
    ("retrain_monitoring_held_back", "Of these, those for which a retraining began not long ago.", ()),
    ("retrain_traffic_drift", "Distance of the requests to the data of the version that serves.", ("feature",)),
    ("retrain_traffic_drift_threshold", "From where on the feature of requests counts as drifted.", ("feature",)),
    ("retrain_traffic_share", "Shares of targets in traffic: value, low, high, expected.", ("share", "bound")),
)
"""Name, help text and labels of each family."""


def collect_drift(root: Root) -> Iterator[Sample]:
    """Yield when the traffic was looked at last, and what was found.

    Raises:
        SettingsError: The root is not a directory.
        FinalError: The file is damaged.
    """
    require_directory(root)
    checks = read_checks(root)
    if not checks:
        if root.monitoring.exists():
            raise FinalError(f"{root.monitoring}: is damaged.", "Remove it; the next look writes it anew.")
        return
    newest = checks[0]
    found = Counter(finding.kind for finding in newest.findings)
    yield Sample("retrain_monitoring_timestamp_seconds", newest.at.timestamp())
    yield Sample("retrain_monitoring_customers", newest.customers)
    for kind in (DRIFT, FALL):
        yield Sample("retrain_monitoring_findings", found[kind], (kind,))
    yield Sample("retrain_monitoring_held_back", len(newest.held_back))
    for name, distance in newest.distances.items():
        yield Sample("retrain_traffic_drift", distance, (name,))
    for name, threshold in newest.thresholds.items():
        yield Sample("retrain_traffic_drift_threshold", threshold, (name,))
    for share in newest.shares:
        for bound in ("value", "low", "high", "expected"):
            yield Sample("retrain_traffic_share", getattr(share, bound), (share.name.replace(" ", "_"), bound))
