"""The numbers of the drawings are those of scikit-learn and of the textbooks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from ml.reports.run.curves import GROUPS, POINTS, Group, auc_of, curves_of, groups_of

N = 3000


@pytest.fixture(scope="module")
def scored() -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Labels and scores with many ties, [3000] each."""
    generator = np.random.default_rng(5)
    labels = (generator.random(N) < 0.3).astype(np.int8)
    score = np.clip(0.3 * labels + generator.normal(0.3, 0.2, N), 0, 1).round(2).astype(np.float32)
    return labels, score


def test_the_curves_are_those_of_scikit_learn(scored: tuple[NDArray[np.int8], NDArray[np.float32]]) -> None:
    labels, score = scored
    found = curves_of(labels, score)
    assert found is not None
    false_positive, recall, _ = roc_curve(labels, score, drop_intermediate=False)
    np.testing.assert_allclose(found.false_positive_rate, false_positive)
    np.testing.assert_allclose(found.recall, recall)
    precision, recall, _ = precision_recall_curve(labels, score)
    assert {(round(r, 9), round(p, 9)) for r, p in zip(recall[:-1], precision[:-1], strict=True)} == {
        (round(r, 9), round(p, 9)) for r, p in zip(found.recall[1:], found.precision[1:], strict=True)
    }


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    labels = np.tile(np.array([0, 1], np.int8), 5000)
    found = curves_of(labels, np.linspace(0, 1, 10_000, dtype=np.float32))
    assert found is not None
    assert len(found.recall) <= POINTS + 1
    assert (found.recall[0], found.recall[-1], found.false_positive_rate[-1]) == (0, 1, 1)


def test_one_class_has_no_curve_and_no_area() -> None:
    labels, score = np.ones(5, np.int8), np.linspace(0, 1, 5, dtype=np.float32)
    assert curves_of(labels, score) is None
    assert np.isnan(auc_of(labels, np.arange(5, dtype=np.uint64), score).value)


def test_the_area_is_that_of_scikit_learn_and_clusters_widen_its_interval(
    scored: tuple[NDArray[np.int8], NDArray[np.float32]],
) -> None:
    labels, score = scored
    alone = auc_of(labels, np.arange(N, dtype=np.uint64), score)
    assert alone.value == pytest.approx(roc_auc_score(labels, score))
    assert alone.low < alone.value < alone.high
    twice = np.repeat(np.arange(N // 2, dtype=np.uint64), 2)
    doubled = auc_of(np.repeat(labels[::2], 2), twice, np.repeat(score[::2], 2))
    assert doubled.high - doubled.low > 1.3 * (alone.high - alone.low)


def test_groups_are_equally_large_and_fall(scored: tuple[NDArray[np.int8], NDArray[np.float32]]) -> None:
    labels, score = scored
    groups = groups_of(labels, score)
    assert [group.rows for group in groups] == [N // GROUPS] * GROUPS
    assert sum(group.positives for group in groups) == labels.sum()
    means = [group.mean for group in groups]
    assert means == sorted(means, reverse=True)


def test_few_rows_make_few_groups() -> None:
    assert len(groups_of(np.array([1, 0], np.int8), np.array([0.9, 0.1], np.float32))) == 2


def test_wilsons_interval() -> None:
    # Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I
    assert Group(263, 81, 0.0).interval == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert Group(20, 0, 0.0).interval == pytest.approx((0.0, 0.1611), abs=5e-5)
