"""The network beside HistGradientBoosting (scikit-learn) on the same profile-grouped splits; the choice of the salt.

    .venv-ml/bin/python -m benchmarks.quality [Train.csv] [--salts 14]

The reference was tuned on other salts (t00 .. t11) than those reported here (s00 ..). The pipeline's salt is the one
at which the reference's accuracy is the lower median; the network's own numbers play no part in that.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks._customers import customers_file
from ml.artifacts import Accepted, Examples
from ml.config.settings import Settings, resolve
from ml.data.features import CATEGORICAL, FEATURES
from ml.data.schema import seed_schema
from ml.evaluation.metrics import binary_metrics
from ml.training import network
from ml.training.preprocessing import Encoding
from ml.training.split import is_holdout
from ml.training.train import network_inputs
from ml.training.transform import transform

Floats = NDArray[np.float64]


def for_trees(parquet: Path) -> Floats:
    """Raw features for the reference: categories as codes, missing as NaN."""
    table, columns = pq.read_table(parquet), []
    for name in FEATURES:
        column = table[name].to_numpy()
        if name in CATEGORICAL:
            values = sorted(set(column) - {""})
            codes = {value: float(code) for code, value in enumerate(values)}
            column = np.array([codes.get(value, np.nan) for value in column])
        columns.append(column.astype(np.float64))
    return np.stack(columns, axis=1)


def reference(examples: Examples, labels: NDArray[np.int8]) -> NDArray[np.float32]:
    model = HistGradientBoostingClassifier(
        categorical_features=[FEATURES.index(name) for name in CATEGORICAL],
        learning_rate=0.05, max_iter=100, max_leaf_nodes=15, random_state=0,
    )  # fmt: skip
    model.fit(for_trees(examples.train), labels)
    return np.asarray(model.predict_proba(for_trees(examples.eval))[:, 1], dtype=np.float32)


def ours(examples: Examples, labels: NDArray[np.int8], settings: Settings) -> tuple[NDArray[np.float32], float, int]:
    encoding = Encoding.read(examples.encoding)
    train, held = (pq.read_table(path).combine_chunks().to_batches()[0] for path in (examples.train, examples.eval))
    fit = settings.train
    began = time.process_time()
    model, history = network.fit(
        network_inputs(train, encoding),
        labels.astype(np.float32),
        holdout=is_holdout(train.column("profile").to_numpy(), fit.holdout_share),
        epochs=fit.epochs, batch_size=fit.batch_size, learning_rate=fit.learning_rate, seed=fit.seed,
        patience=fit.patience, on_epoch=lambda _: None,
    )  # fmt: skip
    return network.predict(model, network_inputs(held, encoding)), time.process_time() - began, len(history)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--salts", type=int, default=14)
    given = parser.parse_args()
    print("salt   rows   reference AUC accuracy   network AUC accuracy   difference AUC accuracy   epochs  CPU s")
    rows, salts = [], [f"s{number:02}" for number in range(given.salts)]
    with tempfile.TemporaryDirectory() as folder:
        data = customers_file(given.data, Path(folder))
        for salt in salts:
            settings = resolve(overrides=[f"transform.salt={salt!r}"], environment={})
            out = Path(folder) / salt
            out.mkdir()
            accepted = Accepted(out, "", 0, data, [], {})
            examples = transform(
                accepted, schema=seed_schema(), settings=settings.transform, target=settings.target, out=out
            )
            labels = pq.read_table(examples.train)["label"].to_numpy()
            held = pq.read_table(examples.eval)["label"].to_numpy()
            theirs = binary_metrics(held, reference(examples, labels), 0.5)
            probability, seconds, epochs = ours(examples, labels, settings)
            mine = binary_metrics(held, probability, 0.5)
            row = [theirs["AUC"], theirs["BinaryAccuracy"], mine["AUC"], mine["BinaryAccuracy"]]
            row += [row[2] - row[0], row[3] - row[1]]
            rows.append(row)
            print(
                f"{salt}   {len(held):5}  " + "  ".join(f"{v:+10.4f}" for v in row) + f"  {epochs:5}  {seconds:5.1f}",
                flush=True,
            )
    table = np.array(rows)
    print("median        " + "  ".join(f"{value:+10.4f}" for value in np.median(table, axis=0)))
    order = sorted(range(len(salts)), key=lambda number: (table[number, 1], salts[number]))
    print(f"The salt with the reference's lower median accuracy: {salts[order[(len(salts) - 1) // 2]]}")


if __name__ == "__main__":
    main()
