"""The events that go out over StatsD: names and tags. prometheus/statsd_mapping.yml makes metric families of them."""

from __future__ import annotations

from ml.pipeline import outcome as ml_outcome

RUNS, STEP = "retrain.runs", "retrain.step"
UNKNOWN = "unknown"
"""The outcome of a run that Airflow calls successful although its steps left no result: somebody marked it so."""
RUN_OUTCOMES = (*ml_outcome.OUTCOMES, UNKNOWN)
STOPPED, KILLED = "stopped", "killed"
STEP_OUTCOMES = (*ml_outcome.STEP_OUTCOMES, KILLED, STOPPED)
"""The outcomes of a result, and those of a try that left none: killed by a signal, or stopped by Airflow."""


def step_ended(step: str, outcome: str, seconds: float) -> None:
    """Send the outcome and the duration of one try of a step; called in the process of its task."""
    from airflow.sdk.observability import stats

    stats.timing(STEP, seconds * 1000, tags={"step": step, "outcome": outcome})


def run_ended(outcome: str) -> None:
    """Count one run; called in the scheduler or the API server, whose statistics are another module."""
    from airflow.observability import stats

    stats.incr(RUNS, tags={"outcome": outcome})


def run_started() -> None:
    """Send zero for each outcome: a counter whose first value is 1 would never show an increase()."""
    from airflow.observability import stats

    for outcome in RUN_OUTCOMES:
        stats.incr(RUNS, 0, tags={"outcome": outcome})
