"""Errors and latency: what is a breach, what is not, and when nobody knows."""

from __future__ import annotations

import math

import pytest

from ml.config.settings import ProbationSettings, resolve
from ml.probation.traffic_check import check_errors, check_latency, probability_of_as_many
from ml.registry.traffic.counters import Counters

SETTINGS: ProbationSettings = resolve(environment={}).probation


def counted(answered: int, failed: int = 0, *, ms: float = 2.0) -> Counters:
    return Counters(failed, {ms * 1000: answered})


@pytest.mark.parametrize(
    ("before", "since", "result"),
    [
        (counted(1000), counted(900, 100), "breached"),
        (counted(900, 100), counted(900, 100), "passed"),
        (counted(1000), counted(995, 5), "passed"),  # within errors_rise
        (counted(200), counted(197, 4), "passed"),  # 2 %, which chance explains
        (counted(199), counted(1000, 500), "not known"),
        (counted(1000), counted(100, 99), "not known"),
        (counted(200), counted(100, 100), "breached"),
    ],
)
def test_errors(before: Counters, since: Counters, result: str) -> None:
    found = check_errors(before, since, SETTINGS)
    assert (found.name, found.result) == ("errors", result), found.sentence
    assert f"{since.failed:,}" in found.sentence or result == "not known"


@pytest.mark.parametrize(
    ("before", "since", "result"),
    [
        (counted(1000, ms=5), counted(1000, ms=50), "breached"),
        (counted(1000, ms=5), counted(1000, ms=14), "passed"),  # less than three times as long
        (counted(1000, ms=0.5), counted(1000, ms=9), "passed"),  # nobody notices
        (counted(199, ms=5), counted(1000, ms=500), "not known"),
        (counted(1000, ms=5), counted(199, 5000, ms=500), "not known"),
    ],
)
def test_latency(before: Counters, since: Counters, result: str) -> None:
    found = check_latency(before, since, SETTINGS)
    assert (found.name, found.result) == ("latency", result), found.sentence


def test_one_client_with_large_files_is_no_slow_model() -> None:
    since = counted(1000, ms=5) + counted(300, ms=30_000)
    assert check_latency(counted(1000, ms=5), since, SETTINGS).result == "passed"


def test_the_chance_is_that_of_fishers_exact_test() -> None:
    from scipy.stats import fisher_exact

    for failed, of, failed_before, of_before in (
        (3, 300, 0, 300),
        (40, 2000, 10, 1000),
        (0, 50, 5, 50),
        (7, 9, 1, 200),
    ):
        table = [[failed, of - failed], [failed_before, of_before - failed_before]]
        expected = fisher_exact(table, alternative="greater").pvalue
        assert probability_of_as_many(failed, of, failed_before, of_before) == pytest.approx(expected, rel=1e-6)
    assert math.isfinite(probability_of_as_many(50_000, 1_000_000, 10_000, 1_000_000))
