"""The promise of the interval that scoring prints: it covers, and is hardly wider than chance alone makes it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks._evaluated import Evaluated, evaluated
from ml.evaluation.calibration import fit_calibration
from serving.expectation.calibration import NORMAL_95, Calibration

SPLITS, SEEDS = 20, (20, 21, 22)
LEAST_ROWS = 20


@pytest.fixture(scope="module")
def rows(libraries: None, customers_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    return evaluated(customers_csv, tmp_path_factory.mktemp("examples"), SEEDS)


def subsets(
    rows: Evaluated, tested: NDArray[np.bool_], random: np.random.Generator
) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """The tested rows of each category, and for each of these as many random ones."""
    for column in rows.categories.values():
        for value in sorted(set(column.tolist())):
            chosen = np.flatnonzero(tested & (column == value))
            if len(chosen) >= LEAST_ROWS:
                yield "one category", chosen
                yield "random", random.choice(np.flatnonzero(tested), len(chosen), replace=False)


def test_the_interval_covers_and_is_hardly_wider_than_chance_alone(rows: Evaluated) -> None:
    covered: dict[str, list[bool]] = {"one category": [], "random": []}
    widths: dict[str, list[tuple[float, float]]] = {"one category": [], "random": []}
    distinct = np.unique(rows.profiles)
    for split in range(SPLITS):
        random = np.random.default_rng(split)
        fitted_on = np.isin(rows.profiles, random.permutation(distinct)[: len(distinct) // 2])
        for probability in rows.probabilities:
            line = fit_calibration(rows.labels[fitted_on], probability[fitted_on], rows.profiles[fitted_on])
            for kind, chosen in subsets(rows, ~fitted_on, random):
                found, truth = line.expect(probability[chosen]), float(rows.labels[chosen].mean())
                calibrated = line.apply(probability[chosen])
                binomial = NORMAL_95 * math.sqrt(float((calibrated * (1 - calibrated)).sum())) / len(chosen)
                covered[kind].append(found.low - 1e-9 <= truth <= found.high + 1e-9)
                widths[kind].append(((found.high - found.low) / 2, binomial))
    for kind, hits in covered.items():
        assert np.mean(hits) >= 0.93, kind
        half, binomial = np.mean(widths[kind], axis=0)
        assert half <= 1.2 * binomial, kind


def test_a_model_that_is_too_sure_is_put_right() -> None:
    random = np.random.default_rng(4)
    true = random.uniform(0.02, 0.98, 4000)
    labels = (random.random(4000) < true).astype(np.int8)
    score = 2.0 * np.log(true / (1 - true)) + 0.5
    too_sure = (1 / (1 + np.exp(-score))).astype(np.float32)
    line = fit_calibration(labels, too_sure, np.arange(4000, dtype=np.uint64))
    assert line.slope == pytest.approx(0.5, abs=0.05)
    assert float(np.abs(line.apply(too_sure) - true).max()) < 0.05


def test_twins_count_as_one_customer() -> None:
    random = np.random.default_rng(4)
    labels, probability = (random.random(500) < 0.3).astype(np.int8), random.uniform(0.1, 0.5, 500).astype(np.float32)
    alone = fit_calibration(labels, probability, np.arange(500, dtype=np.uint64))
    twins = fit_calibration(np.tile(labels, 4), np.tile(probability, 4), np.tile(np.arange(500, dtype=np.uint64), 4))
    assert twins.covariance[0][0] == pytest.approx(alone.covariance[0][0], rel=0.02)


@pytest.mark.parametrize("labels", [[0] * 50, [1] * 50, [0] * 25 + [1] * 25])
def test_classes_without_any_doubt_have_a_finite_line(labels: list[int]) -> None:
    y = np.array(labels, dtype=np.int8)
    line = fit_calibration(y, np.linspace(0, 1, 50).astype(np.float32), np.arange(50, dtype=np.uint64))
    assert Calibration.of(line.as_dict()) == line
    assert 0 <= line.expect(np.array([0.0, 0.5, 1.0])).share <= 1


@pytest.mark.parametrize(
    ("probability", "low", "high"),
    [
        ([0.5], 0.0, 1.0),
        ([0.99], 0.99, 1.0),
        ([0.5, 0.5, 0.5], 0.0, 1.0),
        ([0.01] * 3, 0.0, 1 / 3),
        ([0.5] * 100, 0.40, 0.60),
        ([0.0, 1.0] * 5, 0.5, 0.5),
    ],
)
def test_few_customers_have_the_interval_that_chance_gives_them(
    probability: list[float], low: float, high: float
) -> None:
    exact = Calibration(0.0, 1.0, ((0.0, 0.0), (0.0, 0.0)), 1000)
    found = exact.expect(np.array(probability))
    assert found.low == pytest.approx(low, abs=1e-5)
    assert found.high == pytest.approx(high, abs=1e-5)


def test_many_rows_have_the_interval_of_few_that_are_alike() -> None:
    """The exact distribution and the normal one agree where the one takes the place of the other."""
    line = Calibration(-0.2, 0.9, ((0.004, 0.001), (0.001, 0.003)), 1500)
    probability = np.random.default_rng(1).beta(1, 2, 501)
    many, few = line.expect(probability), line.expect(probability[:500])
    assert many.low == pytest.approx(few.low, abs=0.003)
    assert many.high == pytest.approx(few.high, abs=0.003)
