"""AUC and profit of a model that did not make the lists, from those who were asked; and the file of the bets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ml.challenge import state_file
from ml.challenge.answer import winner
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
        (json.dumps({"earlier": [], "challengers": [{"run_id": "run"}]}), "does not hold bets"),
        (
            json.dumps(
                {
                    "earlier": [],
                    "challengers": [
                        {"run_id": "run", "model_sha256": "model", "champion": 1, "alpha": 0.5, "lists": []}
                    ],
                }
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


def test_bets_outlast_checks_that_look_at_nobody(tmp_path: Path) -> None:
    """No champion for a day, or another one until somebody went back: the process goes on where it was."""
    root = Root(tmp_path)
    told = state_file.processes_of(root, [BEGUN])[0].as_dict() | {"lists": [["2026", "r", [["c", 0.5]]]]}
    state_file.write(root, 1, [told])
    state_file.write(root, None, [], note="there is no champion")
    state_file.write(root, 2, [told | {"champion": 2, "lists": []}])
    assert state_file.processes_of(root, [BEGUN])[0].n == 1
    root.challenge.write_text("{")
    with pytest.raises(FinalError, match="not valid JSON"):
        state_file.write(root, None, [])


def test_a_winner_that_was_turned_away_does_not_stand_in_the_way_of_another() -> None:
    first = {"won": True, "wealth": 900.0, "alpha": 0.01, "run_id": "a"}
    second = first | {"wealth": 200.0, "run_id": "b"}
    assert winner({"challengers": [second, first, first | {"won": False}]}) is first
    assert winner({"challengers": [first | {"turned_away": "rejected"}, second]}) is second
    turned_away = first | {"turned_away": "rejected"}
    assert winner({"challengers": [turned_away, second | {"not_followed": "gone"}]}) is turned_away
