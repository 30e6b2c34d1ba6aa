"""The fall of the live performance of the version that serves, as a finding."""

from __future__ import annotations

from ml.drift.finding import FALL, Finding
from ml.performance.live import LivePerformance

PERFORMANCE = "live performance"


def falls(performance: LivePerformance) -> tuple[Finding, ...]:
    """Return what the outcomes prove against the version that should be serving; nothing without it, or them."""
    serving = next((version for version in performance.versions if version.is_champion), None)
    return (Finding(FALL, PERFORMANCE, serving.fall),) if serving is not None and serving.fall else ()
