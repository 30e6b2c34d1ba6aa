"""What to expect of a list of customers: coverage and width of three intervals on rows that no fit has seen.

    .venv-ml/bin/python -m benchmarks.expectation

Three models of the Kaggle file (else of the sample) that differ by seed, 20 splits of the evaluation rows into two
halves by profile: the first fits, the second is tested on every category and on as many random rows.

- platt: what scoring prints (`serving/expectation/calibration.py`)
- binomial: the same expectation, with the spread of the outcomes alone
- prediction-powered: mean p + weighted mean of (y - p) over the first half, the weights from a logistic regression that
  tells the list from that half (Angelopoulos et al., "Prediction-Powered Inference", 2023, with importance weights);
  no estimate below 50 effective rows
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks._customers import customers_file
from benchmarks._evaluated import evaluated
from ml.evaluation.calibration import fit_calibration
from serving.expectation.calibration import NORMAL_95

SPLITS, SEEDS = 20, (20, 21, 22)
LEAST_ROWS, LEAST_EFFECTIVE = 20, 50


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        models = evaluated(customers_file(None, Path(folder)), Path(folder), SEEDS)
    probabilities, labels, profiles = models.probabilities, models.labels, models.profiles
    inputs, categories = models.inputs, models.categories
    found: dict[tuple[str, str], list[tuple[bool, float]]] = defaultdict(list)
    without: dict[str, list[bool]] = defaultdict(list)
    distinct = np.unique(profiles)
    for split in range(SPLITS):
        random = np.random.default_rng(split)
        first = np.isin(profiles, random.permutation(distinct)[: len(distinct) // 2])
        lists = []
        for column in categories.values():
            for value in sorted(set(column.tolist())):
                rows = np.flatnonzero(~first & (column == value))
                if len(rows) >= LEAST_ROWS:
                    lists.append(("one category", rows))
                    lists.append(("random", random.choice(np.flatnonzero(~first), len(rows), replace=False)))
        for kind, rows in lists:
            both = np.concatenate([inputs[rows], inputs[first]])
            is_list = np.arange(len(both)) < len(rows)
            odds = LogisticRegression(max_iter=300).fit(both, is_list).decision_function(inputs[first])
            weights = np.exp(odds - odds.max())
            weights /= weights.sum()
            has_enough = 1 / float((weights**2).sum()) >= LEAST_EFFECTIVE
            without[kind].append(not has_enough)
            truth = float(labels[rows].mean())
            for p in probabilities:
                line = fit_calibration(labels[first], p[first], profiles[first])
                interval, q = line.expect(p[rows]), line.apply(p[rows])
                spread = NORMAL_95 * float(np.sqrt((q * (1 - q)).sum())) / len(rows)
                note(found, kind, "platt", truth, interval.low, interval.high)
                note(found, kind, "binomial", truth, interval.share - spread, interval.share + spread)
                if has_enough:
                    rest = labels[first] - p[first].astype(np.float64)
                    shift = float(weights @ rest)
                    variance = float((p[rows] * (1 - p[rows])).sum()) / len(rows) ** 2
                    half = NORMAL_95 * np.sqrt(variance + float((weights**2) @ (rest - shift) ** 2))
                    middle = float(p[rows].mean()) + shift
                    note(found, kind, "prediction-powered", truth, middle - half, middle + half)
    print(f"{len(labels):,} evaluation rows, {SPLITS} splits, {len(SEEDS)} models")
    print(f"{'list':14}{'interval':20}{'coverage':>10}{'half width':>12}{'of binomial':>13}{'lists':>8}")
    for (kind, name), results in sorted(found.items()):
        hits, halves = zip(*results, strict=True)
        ratio = np.mean(halves) / np.mean([half for _, half in found[kind, "binomial"]])
        print(f"{kind:14}{name:20}{np.mean(hits):10.1%}{np.mean(halves):12.3f}{ratio:13.2f}{len(hits):8,}")
    for kind, missing in without.items():
        print(f"{kind}: no prediction-powered estimate for {np.mean(missing):.0%} of the lists")


def note(
    found: dict[tuple[str, str], list[tuple[bool, float]]], kind: str, name: str, truth: float, low: float, high: float
) -> None:
    found[kind, name].append((low - 1e-9 <= truth <= high + 1e-9, (high - low) / 2))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
