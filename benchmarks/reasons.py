"""Reasons for 500 customers through a model server of ours: seconds, rows asked, and how stable they are.

    .venv-ml/bin/python -m benchmarks.reasons [Train.csv] [--customers 500]

A version is trained and promoted in a root of its own, and the model server serves it on two cores, which it shares
with the client. The reasons against the stored background are compared with those against a reference of 500 rows,
which is computed in process; the customers are those of the evaluation side that had no part in the choice of the
background. Other ways to choose as many rows are compared on the same customers:

- random: the mean of 20 draws, each row with the same weight
- k-medoids: of the features as the network sees them, weighted by the size of each cluster
- k-medoids, fitted: the same rows with the weights that fit best
- herding: row after row with equal weights (Welling, "Herding dynamical weights to learn", 2009)
- stored: what a version has (`ml/evaluation/background/selection.py`)
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from numpy.typing import NDArray

from benchmarks._customers import customers_file
from benchmarks.pipeline import cost, model_server
from ml.data.features import FEATURES, NUMERIC
from ml.evaluation.background.background import BATCH_ROWS, CUSTOMERS, REFERENCE_ROWS
from ml.evaluation.background.sample import sample
from ml.evaluation.background.selection import select, simplex_weights
from ml.training.preprocessing import Encoding
from serving.client.model_client import ModelServer
from serving.reasons.background import MOST_ROWS, NAME, Background, read_background
from serving.reasons.columns import instances_of, predict_by_rows
from serving.reasons.explain import explain
from serving.reasons.mixed_rows import Columns, Predict
from serving.reasons.reasons import Reason, reasons_of
from serving.reasons.shapley import pair_values

GOAL_SECONDS = 20.0
CORES = 2
DRAWS = 20
Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--customers", type=int, default=500)
    given = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory() as folder:
        root, data = Path(folder) / "root", customers_file(given.data, Path(folder))
        with model_server(root) as url:
            cost(
                "-m", "ml", "retrain", "--root", str(root), "--data", str(data), "--run", "bench", "--serving-url", url
            )
            background = read_background(root / "releases" / "1" / NAME)
            customers, chosen_on = customers_of(root, given.customers)
            through_the_server(url, customers, background)
        against_the_reference(root, customers, chosen_on, background)


def customers_of(root: Path, count: int) -> tuple[Columns, Columns]:
    """Customers of the evaluation side that the choice did not see, and those on which it was made."""
    found = sample(root / "runs" / "bench" / "transform" / "eval.parquet", "profile", CUSTOMERS + count, distinct=True)
    seen = {name: column[:CUSTOMERS] for name, column in found.items()}
    return {name: column[CUSTOMERS:] for name, column in found.items()}, seen


def through_the_server(url: str, customers: Columns, background: Background) -> None:
    server, instances = ModelServer(url, timeout=60.0), instances_of(customers)

    def ask(rows: Any) -> list[float]:
        return [float(answer["probability"]) for answer in server.predict(rows, version=1)]

    ask(instances[:10])
    began = time.monotonic()
    found = explain(instances, background, predict_by_rows(ask))
    seconds = time.monotonic() - began
    reached = "reached" if seconds < GOAL_SECONDS else "MISSED"
    off = float(np.abs(found.values.sum(axis=1) - (found.prediction - found.base)).max())
    stored = f"{abs(found.base - background.mean):.1e}"
    print(f"{len(instances)} customers, {len(background.weights)} background rows, {CORES} cores, through the server:")
    print(f"  {seconds:.1f} s   goal {GOAL_SECONDS:.0f} s: {reached}")
    print(f"  {found.asked:,} rows asked of {found.mixed:,}: {1 - found.asked / found.mixed:.1%} saved")
    print(f"  {found.asked / seconds:,.0f} rows/s; values add up to {off:.1e}; base differs from the stored {stored}")


def against_the_reference(root: Path, customers: Columns, chosen_on: Columns, background: Background) -> None:
    from serving.models.saved_model import load

    run = root / "runs" / "bench"
    servable = load(run / "train" / "saved_model")

    def predict(columns: Columns) -> NDArray[Any]:
        typed = {name: column.astype(np.float32) if name in NUMERIC else column for name, column in columns.items()}
        parts = range(0, len(typed[FEATURES[0]]), BATCH_ROWS)
        return np.concatenate(
            [servable.run({n: c[at : at + BATCH_ROWS] for n, c in typed.items()})["probability"] for at in parts]
        )

    reference = sample(run / "transform" / "train.parquet", "row", REFERENCE_ROWS)
    pairs = pair_values(customers, reference, predict)
    right = pairs.values.mean(axis=1)
    fitted_on = pair_values(chosen_on, reference, predict).values
    stacked = fitted_on.transpose(0, 2, 1).reshape(-1, fitted_on.shape[1])
    print(f"\n{MOST_ROWS} rows against {len(pairs.base)}, {len(right)} customers, in points of probability (0.01):")
    head = f"{'':22}{'mean diff.':>12}{'largest':>10}{'same first':>12}{'first for':>12}{'against':>10}"
    print(head)
    random = np.random.default_rng(0)
    draws = [random.choice(len(pairs.base), MOST_ROWS, replace=False) for _ in range(DRAWS)]
    show("random", right, *(against(pairs.values, rows, np.ones(MOST_ROWS) / MOST_ROWS) for rows in draws))
    medoids, sizes = k_medoids(encoded(run, reference), MOST_ROWS)
    show("k-medoids", right, against(pairs.values, medoids, sizes))
    show("k-medoids, fitted", right, against(pairs.values, medoids, fitted(stacked, medoids)))
    herd = herding(stacked, MOST_ROWS)
    show("herding", right, against(pairs.values, herd, np.ones(len(herd)) / len(herd)))
    once = np.unique(herd)
    show("herding, fitted", right, against(pairs.values, once, fitted(stacked, once)))
    again = select(stacked, MOST_ROWS)
    show("stored", right, explained(customers, background, predict))
    for most in (5, 10, 30):
        fewer = select(stacked, most)
        show(f"the same with {most} rows", right, against(pairs.values, fewer.rows, fewer.weights))
    agree = np.abs(against(pairs.values, again.rows, again.weights) - explained(customers, background, predict)).max()
    print(f"the choice repeated gives the stored rows, to {agree:.1e}")
    told = background.error
    if told.mean is not None and told.largest is not None and told.same_first is not None:
        print(
            f"the version says of itself: mean {100 * told.mean:.2f}, largest {100 * told.largest:.2f}, "
            f"same first {told.same_first:.1%} ({told.customers} customers)"
        )
    words(customers, background, predict)
    servable.close()


def explained(customers: Columns, background: Background, predict: Predict) -> Floats:
    return explain(instances_of(customers), background, predict).values


def against(values: Floats, rows: NDArray[np.intp], weights: Floats) -> Floats:
    return np.asarray(np.einsum("nmf,m->nf", values[:, rows], weights))


def show(name: str, right: Floats, *found: Floats) -> None:
    differences = np.array([np.abs(one - right) for one in found])
    same = [(np.abs(one).argmax(1) == np.abs(right).argmax(1)).mean() for one in found]
    speak_for = [(one.argmax(1) == right.argmax(1)).mean() for one in found]
    speak_against = [(one.argmin(1) == right.argmin(1)).mean() for one in found]
    print(
        f"{name:22}{100 * differences.mean():12.2f}{100 * differences.max():10.2f}{np.mean(same):12.1%}"
        f"{np.mean(speak_for):12.1%}{np.mean(speak_against):10.1%}"
    )


def words(customers: Columns, background: Background, predict: Predict) -> None:
    """How many reasons a customer has."""
    found = reasons_of(explain(instances_of(customers), background, predict), background)

    def mean(kind: list[tuple[Reason, ...]]) -> float:
        return float(np.mean([len(reasons) for reasons in kind]))

    print(
        f"a customer has {mean([one.speak_for for one in found]):.1f} reasons for and "
        f"{mean([one.against for one in found]):.1f} against on average; "
        f"{np.mean([not one.speak_for and not one.against for one in found]):.1%} have none"
    )


def encoded(run: Path, reference: Columns) -> Floats:
    """What the network sees of the reference, float64 [m, width]."""
    parts = Encoding.read(run / "transform" / "encoding.json").apply(reference)
    return np.concatenate([*parts.values()], axis=1).astype(np.float64)


def k_medoids(points: Floats, most: int) -> tuple[NDArray[np.intp], Floats]:
    """The medoids of a greedy start and alternate assignment, and the share of the points that each stands for."""
    distance = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
    medoids = [int(distance.sum(axis=1).argmin())]
    while len(medoids) < most:
        nearest = distance[:, medoids].min(axis=1)
        medoids.append(int(np.maximum(0, nearest[:, None] - distance).sum(axis=0).argmax()))
    for _ in range(50):
        label = distance[:, medoids].argmin(axis=1)
        members = [np.flatnonzero(label == number) for number in range(most)]
        moved = [int(own[distance[np.ix_(own, own)].sum(axis=1).argmin()]) for own in members]
        if moved == medoids:
            break
        medoids = moved
    label = distance[:, medoids].argmin(axis=1)
    return np.array(medoids), np.bincount(label, minlength=most) / len(points)


def herding(values: Floats, most: int) -> NDArray[np.intp]:
    mean, total, rows = values.mean(axis=1, keepdims=True), np.zeros((len(values), 1)), list[int]()
    for number in range(most):
        row = int((((total + values) / (number + 1) - mean) ** 2).sum(axis=0).argmin())
        rows.append(row)
        total = total + values[:, [row]]
    return np.array(rows)


def fitted(values: Floats, rows: NDArray[np.intp]) -> Floats:
    off = values[:, rows] - values.mean(axis=1, keepdims=True)
    return simplex_weights(off.T @ off, np.ones(len(rows)))


if __name__ == "__main__":
    main()
