"""Selection rate and calibration in groups: when they are a concern, and when they are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.config.settings import resolve
from ml.evaluation.rows.categorical import Categorical
from ml.gate.fairness import Fairness, fairness

GATE = resolve(environment={}).gate
ROWS = 2000
RANDOM = np.random.default_rng(8)
P = RANDOM.uniform(0.05, 0.95, ROWS).astype(np.float32)
LABELS = (RANDOM.random(ROWS) < P).astype(np.int8)
GENDER = np.where(np.arange(ROWS) % 2 == 0, "Female", "Male").astype(object)
FEMALE = GENDER == "Female"


def found(p: NDArray[np.float32], gender: NDArray[np.object_] = GENDER, **changed: float) -> Fairness:
    profiles = np.arange(len(p), dtype=np.uint64)
    settings = replace(GATE, **changed)  # type: ignore[arg-type]
    return fairness(LABELS, profiles, p, {"Gender": Categorical.of(gender)}, threshold=0.5, settings=settings)


def test_a_calibrated_model_is_no_concern_and_its_numbers_are_shown() -> None:
    result = found(P)
    assert result.concerns == ()
    female = result.details["groups"][0]
    assert (female["column"], female["group"], female["rows"]) == ("Gender", "Female", ROWS // 2)
    assert female["selection_rate"] == pytest.approx((P[FEMALE] > 0.5).mean())
    assert female["calibration_gap"] == pytest.approx(P[FEMALE].mean() - LABELS[FEMALE].mean(), abs=1e-6)


def test_promising_too_much_in_one_group_is_a_concern() -> None:
    too_high = np.where(FEMALE, np.minimum(P + 0.12, 1), P).astype(np.float32)
    (concern,) = found(too_high).concerns
    assert concern.code == "calibration"
    assert concern.sentence.startswith("In Gender=Female the mean probability is ")


def test_a_gap_that_chance_explains_is_none() -> None:
    few = np.array(["Female"] * 30 + [""] * 0 + ["Male"] * (ROWS - 30), dtype=object)
    result = found(P, few, calibration_gap=0.0)
    assert abs(result.details["groups"][0]["calibration_gap"]) > 0
    assert [one for one in result.concerns if "Female" in one.sentence] == []


@pytest.mark.parametrize(("ratio", "concerns"), [(0.0, 0), (0.5, 0), (0.8, 1)])
def test_selecting_much_less_of_one_group_is_a_concern_when_a_ratio_is_set(ratio: float, concerns: int) -> None:
    fewer = np.where(FEMALE, P * 0.75, P).astype(np.float32)
    result = found(fewer, selection_ratio=ratio, calibration_gap=1.0)
    assert 0.5 < result.details["selection_ratios"]["Gender"] < 0.8
    assert len(result.concerns) == concerns


def test_rows_without_a_value_and_tiny_groups_are_not_judged() -> None:
    gender = np.array(["(missing)"] * 1000 + ["Other"] * 12 + ["Male"] * (ROWS - 1012), dtype=object)
    wrong = np.where(gender == "Male", P, 0.99).astype(np.float32)
    result = found(wrong, gender, selection_ratio=0.9)
    assert result.concerns == ()
    assert [(one["group"], one["judged"]) for one in result.details["groups"]] == [("Male", True), ("Other", False)]
