"""The intervals of what is measured hold the truth as often as they say, over many campaigns."""

from __future__ import annotations

import numpy as np

from ml.config.settings import resolve
from ml.evaluation.calibration import fit_calibration
from ml.evaluation.scored_rows import ScoredRows
from ml.feedback.measures import measure
from ml.feedback.release_facts import release_facts
from ml.performance.asked import Floats
from ml.performance.customers import TARGETED, Customers
from ml.performance.live import Measured, VersionPerformance

CAMPAIGNS = 120
EVALUATED = 1500
TRUTH = 1.2 / 3.7
"""The mean of the distribution of the scores, which are calibrated."""


def measured(random: np.random.Generator, *, traffic: Floats) -> VersionPerformance:
    """A version of its own evaluation rows, with a list of everybody in 600."""
    score = random.beta(1.2, 2.5, EVALUATED).astype(np.float32)
    label = (random.random(EVALUATED) < score).astype(np.int8)
    hashes = np.arange(EVALUATED, dtype=np.uint64)
    rows = ScoredRows(hashes, hashes, label, score, np.zeros((0, EVALUATED), np.float32), None, {})
    facts = release_facts(fit_calibration(label, score, hashes), "", rows)
    said = random.beta(1.2, 2.5, 600)
    outcome = (random.random(600) < said).astype(float)
    nobody, whole = np.zeros(600, np.intp), np.ones(600, np.bool_)
    part, day = np.full(600, TARGETED), np.full(600, np.datetime64("2026-11-02"))
    customers = Customers(said, facts.calibrated(said), np.ones(600), outcome, part, nobody, whole, day, np.arange(600))
    economics = resolve(environment={}).economics
    return measure("1", customers, facts, traffic=traffic, economics=economics, is_champion=True)


def held(found: list[Measured], truth: float) -> float:
    return float(np.mean([one.estimate.low <= truth <= one.estimate.high for one in found]))


def test_intervals_hold_the_truth() -> None:
    random = np.random.default_rng(17)
    found = [measured(random, traffic=random.beta(1.2, 2.5, 1500)) for _ in range(CAMPAIGNS)]
    assert 0.9 < held([one.calibration_slope for one in found], 1.0) <= 1.0
    assert 0.9 < held([one.precision for one in found], TRUTH) <= 1.0
    assert 0.9 < held([one.share for one in found], TRUTH) <= 1.0
    assert 0.9 < held([one.traffic_share for one in found], TRUTH) <= 1.0


def test_the_share_in_traffic_follows_the_share() -> None:
    """Half as many targets as in the evaluation, each kind looking as it did."""
    random = np.random.default_rng(18)
    found = []
    for _ in range(CAMPAIGNS):
        score = random.beta(1.2, 2.5, 20_000)
        is_target = random.random(20_000) < score
        kept = ~is_target | (random.random(20_000) < 0.5)
        found.append(measured(random, traffic=score[kept][:1500]).traffic_share)
    assert 0.9 < held(found, TRUTH / 2 / (1 - TRUTH / 2)) <= 1.0
