"""AUC and profit of a model that did not make the lists, from those who were asked; and the file of the bets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ml.challenge import state_file
from ml.challenge.estimates import estimates
from ml.config.economics import Economics
from ml.errors import FinalError
from ml.performance.asked import Asked, Floats
from ml.registry.references.challengers import Challenger
from ml.storage.root import Root

ECONOMICS = Economics(value=10.0, cost=4.0, budget=0.0, currency="EUR")
CUSTOMERS = 3000


def world(random: np.random.Generator, *, told: float) -> tuple[Asked, float, float]:
    """Customers of another model's lists, of whose outcomes a part is told; and the true AUC and profit."""
    truth = random.beta(1.2, 2.5, CUSTOMERS)
    champion = np.clip(truth + random.normal(0, 0.2, CUSTOMERS), 0, 1)
    challenger = np.clip(truth + random.normal(0, 0.1, CUSTOMERS), 0.01, 0.99)
    outcome = (random.random(CUSTOMERS) < truth).astype(float)
    propensity = np.where(champion > 0.5, 0.95, 0.3)
    known = (random.random(CUSTOMERS) < propensity) & (random.random(CUSTOMERS) < told)
    profit = np.mean((challenger > ECONOMICS.cut) * (ECONOMICS.value * outcome - ECONOMICS.cost))
    asked = Asked(challenger, challenger, propensity, np.where(known, outcome, np.nan))
    return asked, _auc(challenger, outcome), float(profit)


def _auc(score: Floats, outcome: Floats) -> float:
    ranks = score.argsort().argsort() + 1.0
    targets = outcome.sum()
    return float((ranks[outcome == 1].sum() - targets * (targets + 1) / 2) / (targets * (len(score) - targets)))


@pytest.mark.parametrize("told", [1.0, 0.4])
@pytest.mark.parametrize("way", ["hajek", "aipw"])
@pytest.mark.parametrize("metric", ["auc", "profit"])
def test_the_interval_holds_what_is_true_also_while_outcomes_are_missing(metric: str, way: str, told: float) -> None:
    random = np.random.default_rng(20261130)
    runs, held, off = 60, 0, []
    for _ in range(runs):
        asked, auc, profit = world(random, told=told)
        found = estimates(asked, ECONOMICS)[metric][way]
        true = {"auc": auc, "profit": profit}[metric]
        held += found["low"] <= true <= found["high"]
        off.append((found["value"] - true) / ((found["high"] - found["low"]) / 3.92))
    assert held >= 0.9 * runs
    assert abs(np.mean(off)) < 0.5, "no error to one side"


def test_without_amounts_there_is_no_profit_and_with_few_outcomes_no_number() -> None:
    asked, *_ = world(np.random.default_rng(1), told=1.0)
    assert set(estimates(asked, None)) == {"auc"}
    few = Asked(asked.score[:30], asked.expected[:30], asked.propensity[:30], np.full(30, np.nan))
    assert np.isnan(estimates(few, ECONOMICS)["profit"]["aipw"]["value"])


BEGUN = Challenger("run", "model", 1, "2026-01-01T00:00:00+00:00", 0.01)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "challenge.json"),
        ("[]", "does not hold bets"),
        (json.dumps({"challengers": [{"run_id": "run"}]}), "does not hold bets"),
        (
            json.dumps(
                {"challengers": [{"run_id": "run", "model_sha256": "model", "champion": 1, "alpha": 0.5, "lists": []}]}
            ),
            "another level",
        ),
    ],
)
def test_a_file_that_was_changed_is_refused(tmp_path: Path, content: str, said: str) -> None:
    root = Root(tmp_path)
    root.challenge.write_text(content)
    with pytest.raises(FinalError, match=said):
        state_file.processes_of(root, [BEGUN])


def test_bets_beside_another_version_do_not_count(tmp_path: Path) -> None:
    root = Root(tmp_path)
    process = state_file.processes_of(root, [BEGUN])[0]
    told = process.as_dict() | {"champion": 2, "lists": [["2026", "r", [["c", 0.5]]]]}
    state_file.write(root, 2, [told])
    assert state_file.processes_of(root, [BEGUN]) == [process]
