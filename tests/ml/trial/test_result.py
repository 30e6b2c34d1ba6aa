"""The answer in one sentence, by metric and by what the splits showed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ml.trial.result import TrialResult, compare


def result(gains: list[float], losses: list[float] | None = None) -> TrialResult:
    """A trial of five folds, twice, whose AUC gained so much in each split, and whose log loss rose so much."""
    scores = np.zeros((10, 2, 4))
    scores[:, 0] = (0.88, 0.37, 0.82, 0.12)
    scores[:, 1] = scores[:, 0]
    scores[:, 1, 0] += gains
    scores[:, 1, 1] += losses or 0
    return TrialResult({"train.epochs": (20, 30)}, 6477, "Train.csv", 5, 2, compare(scores, folds=5))


@pytest.mark.parametrize(
    ("gains", "sentence"),
    [
        ([0.002, 0.003] * 5, "better by +0.0025 AUC (95 %: +0.0018 to +0.0032)."),
        ([-0.002, -0.003] * 5, "worse: -0.0025 AUC (95 %: -0.0032 to -0.0018)."),
        ([0.0] * 10, "no difference: the AUC is the same in each of the 10 splits."),
        (
            [0.004, -0.001] * 5,
            "cannot tell: +0.0015 AUC (95 %: -0.0020 to +0.0050); would need more customers, since no number of "
            "repeats is enough, or a gain of 0.0035.",
        ),
        (
            [0.004, 0.0003] * 5,
            "cannot tell: +0.0021 AUC (95 %: -0.0005 to +0.0048); would need about 6 repeats, or a gain of 0.0026.",
        ),
    ],
)
def test_the_sentence_says_what_the_splits_showed(gains: list[float], sentence: str) -> None:
    assert result(gains).sentence == sentence
    assert result(gains).as_text().splitlines()[-1] == result(gains).sentence


def test_a_higher_loss_is_worse_and_a_higher_auc_better() -> None:
    found = result([0.002, 0.003] * 5, [0.002, 0.003] * 5)
    assert [metric.answer for metric in found.metrics] == ["better", "worse", "no difference", "no difference"]
    lower = result([0.002, 0.003] * 5, [-0.002, -0.003] * 5)
    assert lower.metrics[1].answer == "better"


def test_the_json_holds_what_the_table_shows() -> None:
    found = json.loads(json.dumps(result([0.002, 0.003] * 5).as_json()))
    assert found["answer"] == "better"
    assert found["changed"] == {"train.epochs": {"now": 20, "tried": 30}}
    auc = found["metrics"]["AUC"]
    assert (auc["now"], auc["tried"], auc["mean"]) == pytest.approx((0.88, 0.8825, 0.0025))
    assert auc["low"] == pytest.approx(0.0025 - 2.2622 * np.std([0.002, 0.003] * 5, ddof=1) * np.sqrt(0.35), abs=1e-6)
