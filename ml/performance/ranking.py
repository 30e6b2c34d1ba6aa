"""The AUC of a model over all customers of a list, from those who were asked.

It is a ratio of sums over pairs: of a target and another customer, the share of pairs that the score puts in order.
Hajek's form weighs each customer by 1 / propensity. The doubly robust one (Rotnitzky, Faraggi & Schisterman, "Doubly
robust estimation of the area under the ROC curve", 2006) counts each customer as a target to the degree
`expected + weight * (outcome - expected)`. Standard errors are those of the influence functions of the ratio, added up
for each customer. The interval is that of the log-odds of the AUC: near 1 its errors are far from symmetric.
"""

from __future__ import annotations

import numpy as np

from ml.performance.asked import Asked, Floats
from ml.performance.estimate import Estimate
from ml.performance.means import FEWEST


def hajek_auc(asked: Asked) -> Estimate:
    """Return the AUC over the customers with a chance; unknown with fewer than `FEWEST` of either outcome."""
    found = asked.has_outcome
    outcome, weight = asked.outcome[found], asked.weight[found]
    if min(outcome.sum(), (1 - outcome).sum()) < FEWEST:
        return Estimate.unknown(asked.answered)
    return _auc(asked.of(found), weight * outcome, weight * (1 - outcome))


def aipw_auc(asked: Asked) -> Estimate:
    """Return the AUC over all customers, the doubly robust way.

    Raises:
        ValueError: A customer had no chance to be asked.
    """
    if not asked.covers_all:
        raise ValueError("a customer had no chance to be asked; the AUC over all cannot be known")
    found = asked.has_outcome
    outcome = asked.outcome[found]
    if min(outcome.sum(), (1 - outcome).sum()) < FEWEST:
        return Estimate.unknown(asked.answered)
    target = asked.expected.astype(np.float64)
    target[found] += asked.weight[found] * (outcome - asked.expected[found])
    return _auc(asked, target, 1 - target)


def _auc(asked: Asked, target: Floats, other: Floats) -> Estimate:
    """Sum target[i] * other[j] over pairs i != j that are in order, half of it for ties, over the sum for all pairs."""
    score = asked.score
    others_below, targets_above = _below(score, other), target.sum() - target - _below(score, target)
    # No customer makes a pair with himself, where he is both to a degree: a tie, of which half was counted.
    others_below -= other / 2
    targets_above += target / 2
    pairs_of_target, pairs_of_other = other.sum() - other, target.sum() - target
    pairs = float(target @ pairs_of_target)
    if not pairs > 0:
        return Estimate.unknown(asked.answered)
    auc = float(target @ others_below) / pairs
    of_target = target * (others_below - auc * pairs_of_target) / _free(target)
    of_other = other * (targets_above - auc * pairs_of_other) / _free(other)
    influence = (of_target + of_other) / pairs
    return Estimate.of_share(auc, asked.error(influence), asked.answered)


def _free(degree: Floats) -> Floats:
    """Return by how much each one's influence comes out too small, since the mean follows who weighs much, [n].

    With equal weights the error is then the one of DeLong, DeLong & Clarke-Pearson (1988).
    """
    return np.asarray(np.sqrt(np.maximum(1 - np.abs(degree) / degree.sum(), 0.01)))


def _below(score: Floats, weight: Floats) -> Floats:
    """For each row the weight of all rows with a lower score, and half the weight of those with the same."""
    _, place = np.unique(score, return_inverse=True)
    at = np.bincount(place, weights=weight)
    return np.asarray((np.cumsum(at) - at / 2)[place])
