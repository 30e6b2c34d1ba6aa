"""The vectorised metrics are TFMA's."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from ml.evaluation.metrics import METRICS, binary_metrics, precision_at_top
from ml.evaluation.rows.categorical import Categorical
from ml.evaluation.slices import slices, slicing_columns


def scores(rows: int, seed: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < 0.3).astype(np.int8)
    probability = np.clip(labels * 0.25 + rng.random(rows) * 0.8 - 0.05, 0, 1).astype(np.float32)
    probability[::7] = np.round(probability[::7], 2)  # ties, and values on the edges of buckets
    probability[:4] = [0.0, 1.0, 0.5, 0.5]
    return labels, probability


@pytest.mark.usefixtures("libraries")
def test_equal_to_tfma_overall_and_in_every_slice(tmp_path: Path) -> None:
    from ml.evaluation.tfma.analysis import analyse

    labels, probability = scores(700, 1)
    other = np.clip(probability * 0.9, 0, 1).astype(np.float32)
    rng = np.random.default_rng(2)
    groups = slicing_columns(
        {
            "Gender": rng.choice(["Male", "Female"], 700).astype(object),
            "Spending_Score": rng.choice(["Low", "High", "Average"], 700).astype(object),
            "Ever_Married": rng.choice(["Yes", "No", ""], 700).astype(object),
            "Age": rng.choice([18.0, 29.0, 30.0, 45.0, 88.0, np.nan], 700),
        }
    )
    models = {"candidate": probability, "champion": other}
    found = analyse(labels, models, groups, threshold=0.5, out=tmp_path / "tfma")
    compared = 0
    for selected_by, mask in slices(groups, 700):
        for name, values in models.items():
            ours = binary_metrics(labels[mask], values[mask], 0.5)
            assert found[name][tuple(selected_by.items())] == pytest.approx(ours, abs=1e-9), (name, selected_by)
            compared += 1
    assert compared == 2 * (1 + 2 + 3 + 3 + 5)
    assert (tmp_path / "tfma" / "eval_config.json").is_file()


@pytest.mark.usefixtures("libraries")
def test_equal_to_tfma_where_a_class_or_a_prediction_is_missing(tmp_path: Path) -> None:
    from ml.evaluation.tfma.analysis import analyse

    labels = np.array([0] * 10 + [1] * 10 + [0, 1] * 10, dtype=np.int8)
    probability = np.array([0.1] * 10 + [0.9] * 10 + [0.2, 0.3] * 10, dtype=np.float32)
    group = Categorical.of(["no target"] * 10 + ["only targets"] * 10 + ["no prediction"] * 20)
    groups = dict.fromkeys(("Gender", "Spending_Score", "Ever_Married", "age_band"), group)
    found = analyse(labels, {"candidate": probability}, groups, threshold=0.5, out=tmp_path / "tfma")["candidate"]
    for selected_by, mask in slices({"Gender": group}, 40):
        ours = binary_metrics(labels[mask], probability[mask], 0.5)
        assert found[tuple(selected_by.items())] == pytest.approx(ours, abs=1e-9, nan_ok=True), selected_by


def test_auc_is_close_to_the_exact_one() -> None:
    labels, probability = scores(20_000, 3)
    exact = roc_auc_score(labels, probability)
    assert binary_metrics(labels, probability, 0.5)["AUC"] == pytest.approx(exact, abs=1e-4)


def test_metrics_of_known_counts_are_exact() -> None:
    labels = np.array([1, 1, 1, 0, 0], dtype=np.int8)
    probability = np.array([0.9, 0.6, 0.5, 0.7, 0.1], dtype=np.float32)
    found = binary_metrics(labels, probability, 0.5)
    assert found["Precision"] == pytest.approx(2 / 3)  # 0.5 is not above the threshold
    assert found["Recall"] == pytest.approx(2 / 3)
    assert found["BinaryAccuracy"] == pytest.approx(3 / 5)
    assert found["ExampleCount"] == 5
    assert tuple(found) == METRICS


def test_undefined_is_not_a_number() -> None:
    only_rest = binary_metrics(np.zeros(3, np.int8), np.zeros(3, np.float32), 0.5)
    assert only_rest["AUC"] == 0.0
    assert math.isnan(only_rest["Precision"])
    assert math.isnan(only_rest["Recall"])
    assert only_rest["BinaryAccuracy"] == 1.0


def test_the_ranking_counts_from_the_top() -> None:
    labels = np.array([1] * 10 + [0] * 10, dtype=np.int8)
    ranking = precision_at_top(labels, np.linspace(1, 0, 20, dtype=np.float32))
    at = {entry["share"]: entry for entry in ranking}
    assert at[0.25] == {"share": 0.25, "precision": 1.0, "recall": 0.5}
    assert at[1.0] == {"share": 1.0, "precision": 0.5, "recall": 1.0}
