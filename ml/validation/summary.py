"""What validation saw when all is well: rows, missing values, the largest drift, and how many warnings there were."""

from __future__ import annotations

from collections.abc import Mapping

from ml.validation.counts.dataset_counts import DatasetCounts
from ml.validation.findings import rows_text


def summary(
    counts: DatasetCounts, drift: Mapping[str, float], thresholds: Mapping[str, float], warnings: int
) -> list[str]:
    """Return the sentences for the log.

    Args:
        counts: Those of the whole data set.
        drift: The distance of each compared feature from the champion's data; empty without a comparable champion.
        thresholds: The distance of each feature above which it counts as drifted.
        warnings: How many findings there were that do not block.
    """
    found = "no warning" if not warnings else "1 warning" if warnings == 1 else f"{warnings} warnings"
    return [
        f"Accepted {rows_text(counts.rows)} with {found}.",
        f"Missing: {_missing(counts)}.",
        f"Drift: {_drift(drift, thresholds)}.",
    ]


def _missing(counts: DatasetCounts) -> str:
    shares = sorted(
        ((column.nulls / counts.rows, name) for name, column in counts.columns.items() if column.nulls), reverse=True
    )
    return ", ".join(f"{name} {share:.1%}" for share, name in shares) or "nothing"


def _drift(drift: Mapping[str, float], thresholds: Mapping[str, float]) -> str:
    measured = [name for name in drift if thresholds.get(name)]
    if not measured:
        return "not measured, since there is no champion of the same source to compare with"
    largest = max(measured, key=lambda name: drift[name] / thresholds[name])
    return (
        f"the largest distance from the champion's data, measured by its threshold, is {drift[largest]:.4g} "
        f"({largest}, threshold {thresholds[largest]:g})"
    )
