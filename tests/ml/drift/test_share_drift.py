"""A calibration that chance has put a little wrong is no drift of the traffic, however much traffic there is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np

from ml.drift.share_drift import Expected, target_share
from ml.drift.traffic import Traffic
from ml.evaluation.calibration import fit_calibration
from ml.evaluation.scored_rows import ScoredRows
from ml.feedback.release_facts import covariance
from ml.performance.asked import Floats

EVALUATED, CUSTOMERS, VERSIONS = 400, 4000, 250


def traffic(probability: Floats) -> Traffic:
    rows = len(probability)
    of = SimpleNamespace(
        rows=rows, customers=SimpleNamespace(number=rows), probability=SimpleNamespace(numbers=probability)
    )
    return cast(Traffic, of)


def expected(random: np.random.Generator, evaluated: int = EVALUATED) -> Expected:
    score = random.beta(2, 3, evaluated).astype(np.float32)
    label = (random.random(evaluated) < score).astype(np.int8)
    hashes = np.arange(evaluated, dtype=np.uint64)
    line = fit_calibration(label, score, hashes)
    rows = ScoredRows(hashes, hashes, label, score, np.zeros((0, evaluated), np.float32), None, {})
    return Expected(score, label, line, covariance(line, rows), 0.5)


def test_the_error_of_the_calibration_counts_as_chance() -> None:
    random = np.random.default_rng(31)
    looks = [target_share(traffic(random.beta(2, 3, CUSTOMERS)), expected(random), margin=0.0) for _ in range(VERSIONS)]
    assert sum(look is not None and look.has_drifted for look in looks) <= 2


def test_a_share_that_has_halved_is_found() -> None:
    random = np.random.default_rng(32)
    score = random.beta(2, 3, CUSTOMERS)
    kept = score[(random.random(CUSTOMERS) > score) | (random.random(CUSTOMERS) < 0.4)]
    look = target_share(traffic(kept), expected(random, 1600), margin=0.0)
    assert look is not None
    assert look.has_drifted
