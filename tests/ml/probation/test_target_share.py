"""The answers to the newest customers beside those that the evaluation rows promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.probation.item import Item
from ml.probation.target_share import judge_answers
from serving.expectation.calibration import Calibration

CERTAIN = Calibration(0.0, 1.0, ((0.002, 0.0), (0.0, 0.002)), 1600)
Floats = NDArray[np.float64]


def customers(share: float, n: int) -> tuple[Floats, Floats]:
    """Probabilities of about this mean, and labels drawn by them: a calibrated model."""
    generator = np.random.default_rng(5)
    probability = np.clip(share + generator.normal(0, 0.1, n), 0.01, 0.99)
    return probability, (generator.random(n) < probability).astype(float)


def judged(probability: Floats, labels: Floats, *, called: Floats | None = None, **changed: Any) -> Item:
    expected, _ = customers(0.45, 1600)
    arguments: dict[str, Any] = {"threshold": 0.5, "margin": 0.02, "name": "the data of run r", **changed}
    shown = (probability >= 0.5).astype(float) if called is None else called
    return judge_answers(probability, shown, labels, expected, CERTAIN, **arguments)


def test_customers_like_those_of_the_evaluation_pass() -> None:
    found = judged(*customers(0.45, 8000))
    assert found.result == "passed"
    assert found.sentence.startswith("Of 8,000 rows (the data of run r)")
    assert "expected 45." in found.sentence, "the interval is said"


def test_answers_far_above_those_of_the_evaluation_are_a_breach() -> None:
    _, labels = customers(0.45, 8000)
    found = judged(customers(0.7, 8000)[0], labels)
    assert found.result == "breached"
    assert "where the answers promise 70" in found.sentence


def test_labels_that_the_probabilities_do_not_say_are_a_breach_though_those_are_right() -> None:
    probability, labels = customers(0.45, 8000)
    found = judged(probability, labels, called=np.ones(8000))
    assert found.result == "breached"
    assert "100.0% are called targets" in found.sentence
    assert "are called what their probability does not say" in found.sentence


def test_customers_who_have_changed_are_not_the_models_fault() -> None:
    found = judged(*customers(0.7, 8000))
    assert found.result == "passed"
    assert "the customers have changed" in found.sentence


def test_without_labels_nothing_explains_a_change() -> None:
    probability, labels = customers(0.7, 8000)
    assert judged(probability, np.full_like(labels, np.nan)).result == "breached"
    assert judged(customers(0.45, 8000)[0], np.full_like(labels, np.nan)).result == "passed"


@pytest.mark.parametrize(("margin", "result"), [(0.0, "breached"), (0.5, "passed")])
def test_the_margin_is_what_the_settings_say(margin: float, result: str) -> None:
    _, labels = customers(0.45, 8000)
    assert judged(customers(0.6, 8000)[0], labels, margin=margin).result == result
