"""Values and standard errors of paired differences: against the textbook, and against a bootstrap of profiles."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ml.artifacts import Accepted
from ml.config.settings import resolve
from ml.data.schema import seed_schema
from ml.gate.paired.compare import compare
from ml.gate.paired.contributions import METRICS, SIGN, contributions
from ml.gate.paired.difference import PairedDifference
from ml.gate.rules import is_better, is_not_worse, is_worse
from ml.training.preprocessing import Encoding
from ml.training.train import network_inputs
from ml.training.transform import transform
from tests.ml.conftest import REAL_FILE
from tests.ml.gate.populations import population

RESAMPLES = 2000
BOOTSTRAP_TOLERANCE = 0.08
"""2,000 resamples know a standard deviation to 1.6 %; five times that."""
Scores = NDArray[np.float32]


def difference(
    metric: str, labels: NDArray[np.int8], profiles: NDArray[np.uint64], candidate: Scores, *references: Scores
) -> PairedDifference:
    return compare(metric, labels, profiles, candidate, np.stack(references), threshold=0.5)


def kernel_auc(labels: NDArray[np.int8], score: Scores) -> tuple[NDArray[np.float64], float]:
    """The pairs of DeLong et al. (1988): 1 where the positive is above the negative, a half where they are equal."""
    ours, theirs = score[labels == 1][:, None], score[labels == 0][None, :]
    pairs = (ours > theirs) + 0.5 * (ours == theirs)
    return pairs, float(pairs.mean())


def delong_variance(labels: NDArray[np.int8], one: Scores, other: Scores) -> float:
    """The textbook's: contrast (1, -1) of the covariance matrices of the structural components."""
    components = [kernel_auc(labels, score)[0] for score in (one, other)]
    of_positives = np.cov(np.array([pairs.mean(axis=1) for pairs in components]))
    of_negatives = np.cov(np.array([pairs.mean(axis=0) for pairs in components]))
    positives, negatives = components[0].shape
    contrast = np.array([1.0, -1.0])
    return float(contrast @ (of_positives / positives + of_negatives / negatives) @ contrast)


def test_without_clusters_the_auc_is_that_of_delong_pair_by_pair() -> None:
    labels, _, scores = population(400, (1.0, 0.8), twins=0.0)
    one, other = np.round(scores, 2)
    assert len(np.unique(one)) < 150, "ties are part of the test"
    found = difference("AUC", labels, np.arange(400, dtype=np.uint64), one, other)
    assert found.candidate == pytest.approx(kernel_auc(labels, one)[1], abs=1e-12)
    assert found.value == pytest.approx(kernel_auc(labels, one)[1] - kernel_auc(labels, other)[1], abs=1e-12)
    assert found.standard_error**2 == pytest.approx(delong_variance(labels, one, other), rel=1e-9)


def test_with_clusters_it_is_obuchowski_term_by_term() -> None:
    labels, profiles, (one, other) = population(300, (1.0, 0.8))
    pairs = kernel_auc(labels, one)[0] - kernel_auc(labels, other)[0]
    value = pairs.mean()
    of_positives, of_negatives = pairs.mean(axis=1) - value, pairs.mean(axis=0) - value
    in_positives, in_negatives = profiles[labels == 1], profiles[labels == 0]
    m, n = pairs.shape
    clusters = sorted(set(profiles.tolist()))
    sums = [
        (float(of_positives[in_positives == c].sum()), float(of_negatives[in_negatives == c].sum())) for c in clusters
    ]
    i10, i01, i = len(set(in_positives.tolist())), len(set(in_negatives.tolist())), len(clusters)
    s10 = i10 / ((i10 - 1) * m) * sum(a * a for a, _ in sums)
    s01 = i01 / ((i01 - 1) * n) * sum(b * b for _, b in sums)
    s11 = i / (i - 1) * sum(a * b for a, b in sums)
    found = difference("AUC", labels, profiles, one, other)
    assert found.standard_error**2 == pytest.approx(s10 / m + s01 / n + 2 * s11 / (m * n), rel=1e-9)
    assert found.clusters == len(clusters) < 300


def test_the_other_metrics_are_plain_means_over_the_rows() -> None:
    labels, profiles, (one, other) = population(300, (1.0, 0.8))
    p, q, y = one.astype(float), other.astype(float), labels.astype(float)
    loss = [-(y * np.log(s) + (1 - y) * np.log(1 - s)).mean() for s in (p, q)]
    assert difference("LogLoss", labels, profiles, one, other).value == pytest.approx(loss[0] - loss[1])
    brier = difference("BrierScore", labels, profiles, one, other)
    assert brier.value == pytest.approx(((p - y) ** 2).mean() - ((q - y) ** 2).mean())
    accuracy = difference("BinaryAccuracy", labels, np.arange(300, dtype=np.uint64), one, other)
    each = ((one > 0.5) == labels).astype(float) - ((other > 0.5) == labels)
    assert accuracy.value == pytest.approx(each.mean())
    assert accuracy.standard_error == pytest.approx(each.std(ddof=1) / math.sqrt(300))


def bootstrap(
    metric: str, labels: NDArray[np.int8], profiles: NDArray[np.uint64], candidate: Scores, references: Scores
) -> NDArray[np.float64]:
    """The mean difference in each resample of whole profiles, from how often each was drawn; AUC by pairs."""
    random = np.random.default_rng(12)
    _, cluster = np.unique(profiles, return_inverse=True)
    clusters = int(cluster.max()) + 1
    drawn = random.multinomial(clusters, np.full(clusters, 1 / clusters), size=RESAMPLES)[:, cluster].astype(float)
    if metric == "AUC":
        pairs = kernel_auc(labels, candidate)[0] - np.mean([kernel_auc(labels, one)[0] for one in references], axis=0)
        of_positives, of_negatives = drawn[:, labels == 1], drawn[:, labels == 0]
        total = of_positives.sum(axis=1) * of_negatives.sum(axis=1)
        return np.asarray(((of_positives @ pairs) * of_negatives).sum(axis=1) / total)
    ours, *theirs = (contributions(metric, labels, score, 0.5) for score in (candidate, *references))
    return np.asarray(drawn @ (ours - np.mean(theirs, axis=0)) / drawn.sum(axis=1))


@pytest.mark.parametrize("metric", METRICS)
def test_a_bootstrap_of_whole_profiles_gives_the_same_interval(metric: str) -> None:
    labels, profiles, scores = population(900, (1.0, 0.9), seed=3)
    agrees_with_bootstrap(metric, labels, profiles, scores)


def agrees_with_bootstrap(metric: str, labels: NDArray[np.int8], profiles: NDArray[np.uint64], scores: Scores) -> None:
    found = difference(metric, labels, profiles, *scores)
    resampled = bootstrap(metric, labels, profiles, scores[0], scores[1:])
    assert found.standard_error == pytest.approx(resampled.std(ddof=1), rel=BOOTSTRAP_TOLERANCE)
    for bound, share in zip(found.interval(0.05), (0.05, 0.95), strict=True):
        assert bound == pytest.approx(np.quantile(resampled, share), abs=0.25 * found.standard_error)


@pytest.mark.skipif(not REAL_FILE.is_file(), reason="needs Kaggle's Train.csv beside the project")
def test_so_it_is_for_two_models_of_the_real_file(tmp_path: Path) -> None:
    labels, profiles, scores = two_real_models(tmp_path)
    for metric in METRICS:
        agrees_with_bootstrap(metric, labels, profiles, scores)
    assert difference("AUC", labels, profiles, *scores).clusters < len(labels)


def two_real_models(folder: Path) -> tuple[NDArray[np.int8], NDArray[np.uint64], Scores]:
    """Evaluation rows of the real file, and what two regressions say of them, each fitted on half of the rest."""
    settings = resolve(environment={})
    examples = transform(
        Accepted(folder, "", 0, REAL_FILE, [], {}),
        schema=seed_schema(),
        settings=settings.transform,
        target=settings.target,
        out=folder,
    )
    train, held = (pq.read_table(path).combine_chunks() for path in (examples.train, examples.eval))
    encoding = Encoding.read(examples.encoding)
    seen, asked = (network_inputs(side.to_batches()[0], encoding) for side in (train, held))
    target, scores = train["label"].to_numpy(), []
    for rows in (slice(None, None, 2), slice(1, None, 2)):
        model = LogisticRegression(max_iter=500).fit(seen[rows], target[rows])
        scores.append(model.predict_proba(asked)[:, 1].astype(np.float32))
    return held["label"].to_numpy(), held["profile"].to_numpy(), np.stack(scores)


def test_twins_count_as_one_customer() -> None:
    labels, profiles, scores = population(500, (1.0, 0.8), twins=0.0)
    once = difference("AUC", labels, profiles, *scores)
    twice = difference("AUC", np.tile(labels, 2), np.tile(profiles, 2), *np.tile(scores, 2))
    assert twice.value == pytest.approx(once.value)
    assert twice.standard_error == pytest.approx(once.standard_error, rel=1e-6)
    as_strangers = difference("AUC", np.tile(labels, 2), np.arange(1000, dtype=np.uint64), *np.tile(scores, 2))
    assert as_strangers.standard_error < 0.75 * once.standard_error


@pytest.mark.parametrize("metric", METRICS)
def test_the_gain_of_a_better_model_is_above_zero_for_losses_too(metric: str) -> None:
    labels, profiles, (good, bad) = population(3000, (1.2, 0.3), seed=1)
    found = difference(metric, labels, profiles, good, bad)
    assert found.gain == SIGN[metric] * found.value
    assert is_better(found.gain, found.standard_error, 0.01)
    assert found.lower(0.01) > 0
    assert difference(metric, labels, profiles, bad, good).upper(0.01) < 0


def test_a_reference_of_equal_models_is_one_of_them() -> None:
    labels, profiles, (one, other) = population(300, (1.0, 0.8))
    for metric in METRICS:
        alone = difference(metric, labels, profiles, one, other)
        thrice = difference(metric, labels, profiles, one, other, other, other)
        assert thrice.value == pytest.approx(alone.value)
        assert thrice.standard_error == pytest.approx(alone.standard_error)


@pytest.mark.parametrize("metric", METRICS)
def test_several_references_make_no_standard_error_that_is_too_small(metric: str) -> None:
    labels, profiles, scores = population(900, (1.0,) * 5, seed=3)
    found = difference(metric, labels, profiles, *scores)
    alone = [difference(metric, labels, profiles, scores[0], one).standard_error for one in scores[1:]]
    assert found.standard_error == pytest.approx(np.mean(alone))
    assert found.standard_error > bootstrap(metric, labels, profiles, scores[0], scores[1:]).std(ddof=1)


def test_the_reference_is_worth_the_mean_of_its_models_and_not_their_ensemble() -> None:
    labels, profiles, scores = population(2000, (1.0,) * 5, seed=4)
    alone = [difference("AUC", labels, profiles, scores[0], one).value for one in scores[1:]]
    assert difference("AUC", labels, profiles, *scores).value == pytest.approx(np.mean(alone))
    ensemble = scores[1:].mean(axis=0, dtype=np.float64).astype(np.float32)
    assert difference("AUC", labels, profiles, scores[0], ensemble).value < np.mean(alone) - 0.002


def passes_no_rule(found: PairedDifference) -> bool:
    rules = (
        is_better(found.gain, found.standard_error, 0.02),
        is_worse(found.gain, found.standard_error, 0.02),
        is_not_worse(found.gain, found.standard_error, 0.005),
    )
    return not found.defined and not any(rules) and math.isnan(found.p_worse())


@pytest.mark.parametrize("metric", METRICS)
def test_equal_scores_are_a_difference_of_exactly_nothing(metric: str) -> None:
    labels, profiles, scores = population(300, (1.0,))
    found = difference(metric, labels, profiles, scores[0], *[scores[0]] * 3)
    assert (found.value, found.standard_error, found.p_worse()) == (0, 0, 1)
    assert found.defined
    assert not is_better(found.gain, 0.0, 0.02)
    assert not is_worse(found.gain, 0.0, 0.02)
    assert is_not_worse(found.gain, 0.0, 0.0)


@pytest.mark.parametrize("only", [0, 1])
def test_with_one_class_there_is_no_auc(only: int) -> None:
    _, profiles, scores = population(100, (1.0, 0.8))
    labels = np.full(100, only, dtype=np.int8)
    assert passes_no_rule(difference("AUC", labels, profiles, *scores))
    assert difference("LogLoss", labels, profiles, *scores).defined


@pytest.mark.parametrize("metric", METRICS)
def test_without_rows_or_with_a_single_profile_nothing_can_be_said(metric: str) -> None:
    labels, profiles, scores = population(100, (1.0, 0.8))
    assert passes_no_rule(difference(metric, labels[:0], profiles[:0], *scores[:, :0]))
    assert passes_no_rule(difference(metric, labels, np.zeros_like(profiles), *scores))


def test_a_difference_without_any_spread_is_no_evidence() -> None:
    labels = np.array([0, 1] * 50, dtype=np.int8)
    right, wrong = labels.astype(np.float32), 1 - labels.astype(np.float32)
    for metric in METRICS:
        found = difference(metric, labels, np.arange(100, dtype=np.uint64), right, wrong)
        assert passes_no_rule(found), metric
        assert abs(found.candidate - found.reference) > 0.9


def test_a_probability_of_0_or_1_costs_a_finite_loss() -> None:
    labels = np.array([0, 1, 1, 0], dtype=np.int8)
    certain = np.array([0, 1, 0, 1], dtype=np.float32)
    loss = contributions("LogLoss", labels, certain, 0.5)
    assert np.isfinite(loss).all()
    assert loss == pytest.approx([1e-7, 1e-7, 16.118, 16.118], abs=1e-3)


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown metric 'F1'; known: AUC"):
        contributions("F1", np.array([0, 1], np.int8), np.array([0.1, 0.2], np.float32), 0.5)
