"""An interval of what all customers come to is shown only when it holds: too few from below the cut are no number."""

from __future__ import annotations

import numpy as np

from ml.config.settings import resolve
from ml.feedback.measures import measure
from ml.feedback.release_facts import ReleaseFacts
from ml.performance.customers import Customers, parts
from ml.performance.estimate import Estimate
from ml.performance.live import Measured, VersionPerformance
from ml.performance.ranking import hajek_auc

NOBODY_KNOWS = Measured.unknown("Not asked for here.")
FACTS = ReleaseFacts(None, "", NOBODY_KNOWS, NOBODY_KNOWS, np.zeros((3, 3)))
SHARE, AUC = 0.1, 0.835
"""Of customers whose probabilities have the distribution beta(0.5, 4.5), and are right."""
CAMPAIGNS = 150
FILE, PLACES, BY_LOT = 1500, 300, 20


def lists(random: np.random.Generator, count: int) -> Customers:
    """So many lists of the best 300 of 1,500, 20 of them by lot, of whom 7 in 10 have an outcome."""
    files = []
    for _ in range(count):
        truth = -np.sort(-random.beta(0.5, 4.5, FILE))
        propensity, group = np.ones(FILE), np.full(FILE, "", "<U8")
        propensity[PLACES - BY_LOT :] = BY_LOT / (FILE - PLACES + BY_LOT)
        drawn = random.choice(np.arange(PLACES - BY_LOT, FILE), BY_LOT, replace=False)
        group[drawn] = "explored"
        asked = (propensity == 1) | (group != "")
        outcome = np.where(asked & (random.random(FILE) < 0.7), random.random(FILE) < truth, np.nan)
        files.append((truth, propensity, outcome, group))
    score, propensity, outcome, group = (np.concatenate(column) for column in zip(*files, strict=True))
    number, whole = np.repeat(np.arange(count), FILE), np.ones(count * FILE, np.bool_)
    part = parts(group, propensity, number, whole)
    day, who = np.full(count * FILE, np.datetime64("2026-11-02")), np.arange(count * FILE)
    return Customers(score, score, propensity, outcome, part, number, whole, day, who)


def measured(customers: Customers) -> VersionPerformance:
    economics = resolve(environment={}).economics
    return measure("1", customers, FACTS, traffic=np.zeros(0), economics=economics, is_champion=True)


def held(found: list[Estimate], truth: float) -> float:
    return float(np.mean([one.low <= truth <= one.high for one in found]))


def test_with_few_targets_from_below_the_cut_an_interval_would_not_hold_and_there_is_none() -> None:
    random = np.random.default_rng(5)
    numbers, would_be = 0, []
    for _ in range(100):
        customers = lists(random, 2)
        found = measured(customers)
        numbers += sum(one.is_known for one in (found.share, found.auc, found.robust_auc))
        would_be.append(hajek_auc(customers.asked(customers.is_covered)))
    assert held(would_be, AUC) < 0.88
    assert numbers <= 3 * 3
    assert "10 of each for a number about all customers" in found.auc.reason
    assert found.auc.reason == found.share.reason == found.robust_auc.reason


def test_the_intervals_that_are_shown_hold() -> None:
    """From 4 to 24 lists, which is about where there are ten targets, and beyond."""
    random = np.random.default_rng(6)
    found = [measured(lists(random, int(count))) for count in random.integers(4, 25, CAMPAIGNS)]
    known = [one for one in found if one.auc.is_known]
    assert CAMPAIGNS / 3 < len(known) < CAMPAIGNS
    assert held([one.auc.estimate for one in known], AUC) > 0.9
    assert held([one.robust_auc.estimate for one in known], AUC) > 0.88
    assert held([one.share.estimate for one in known], SHARE) > 0.9
