"""The AUC and the profit of a model on the customers of lists, also of one that does not serve yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from ml.config.economics import Economics
from ml.performance.asked import Asked, Floats
from ml.performance.estimate import Estimate
from ml.performance.means import aipw_mean, hajek_mean
from ml.performance.ranking import aipw_auc, hajek_auc


def estimates(asked: Asked, economics: Economics | None) -> dict[str, Any]:
    """Return the AUC and the profit for each customer of a model, each by Hajek and by AIPW, with intervals of 95 %.

    The outcome model of AIPW is the calibrated probability. Some of the customers who were asked have not answered yet,
    so that an outcome is known with a smaller probability than that of being asked: it is multiplied by the share of
    those asked, as far as is expected, whose outcome is known. That it does not depend on the outcome is presumed.

    Args:
        asked: Customers with what the model says of them; each had a chance.
        economics: What a contact costs and brings; without, there is no profit.
    """
    told = asked.has_outcome.sum() / max(float(asked.propensity.sum()), 1e-12)
    known = Asked(asked.score, asked.expected, asked.propensity * min(1.0, float(told) or 1.0), asked.outcome)
    found: dict[str, Any] = {"auc": _both(hajek_auc(known), aipw_auc(known))}
    if economics is not None and economics.is_set:
        contact = (known.expected > economics.cut).astype(np.float64)
        outcome, expected = _profit(contact, known.outcome, economics), _profit(contact, known.expected, economics)
        found["profit"] = _both(hajek_mean(known, outcome), aipw_mean(known, outcome, expected))
    return found


def _profit(contact: Floats, target: Floats, economics: Economics) -> Floats:
    return np.asarray(contact * (economics.value * target - economics.cost))


def _both(hajek: Estimate, aipw: Estimate) -> Mapping[str, Any]:
    return {"hajek": asdict(hajek), "aipw": asdict(aipw)}
