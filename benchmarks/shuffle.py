"""What a network loses when its rows are streamed from the disk instead of shuffled in memory, also from sorted files.

    .venv-ml/bin/python -m benchmarks.shuffle [--rows 500000] [--window 32768] [--epochs 2] [--seeds 5]

Made-up customers; the same train rows in three orders: as they come, sorted by Age, and sorted by label, the worst that
there is. Three ways to train: on all rows in memory (a full shuffle), streamed as by `train` but with windows so small
that there are many of them, and in the order of the file, which shows what a bad shuffle costs. AUC and log loss on the
same evaluation rows, the mean over the seeds and its standard error.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.artifacts import Accepted, Examples
from ml.config.settings import TrainSettings, resolve
from ml.data.sample import write_csv
from ml.data.schema import seed_schema
from ml.gate.paired.contributions import AUC, LOG_LOSS, contributions
from ml.training.packed_rows import Packing, raw_batches
from ml.training.preprocessing import Encoding
from ml.training.shuffle import DiskShuffle, Rows
from ml.training.transform import transform

ORDERS: dict[str, str | None] = {"unsorted": None, "by Age": "Age", "by label": "label"}
ROW_GROUP = 2**16
Trained = Callable[[Path, TrainSettings], Any]


class FileOrder(DiskShuffle):
    """No shuffle: the windows hold the rows in the order of the file."""

    def __init__(self, directory: Path, dtype: np.dtype[np.void], *, rows: int, seed: int, window_rows: int) -> None:
        del rows  # one window, which holds them all
        super().__init__(directory, dtype, rows=window_rows, seed=seed, window_rows=window_rows)

    def epoch(self, order: np.random.Generator) -> Iterator[Rows]:
        """Yield all rows as they were added."""
        del order
        (window,) = self._windows
        window.seek(0)
        yield np.frombuffer(window.read(), self._dtype)


def written(rows: int, folder: Path) -> tuple[Examples, dict[str, Path]]:
    """Transform made-up customers, and write their train rows in each of `ORDERS`."""
    settings = resolve(environment={})
    write_csv(folder / "customers.csv", rows=rows, seed=3)
    accepted = Accepted(folder, "", 0, folder / "customers.csv", [], {})
    examples = transform(
        accepted, schema=seed_schema(), settings=settings.transform, target=settings.target, out=folder
    )
    table, files = pq.read_table(examples.train), {}
    for name, column in ORDERS.items():
        files[name] = folder / f"{name}.parquet"
        ordered = table if column is None else table.sort_by(column)
        pq.write_table(ordered, files[name], row_group_size=ROW_GROUP)
    return examples, files


def ways(encoding: Encoding, scratch: Path, window: int) -> dict[str, Trained]:
    """The three ways to train, by name."""
    from ml.training import streaming
    from ml.training.train import _matrix, fit

    def quiet(_: Any) -> None:
        return None

    def in_memory(parquet: Path, settings: TrainSettings) -> Any:
        return fit(*_matrix(parquet, encoding), settings, on_epoch=quiet)[0]

    def streamed(parquet: Path, settings: TrainSettings) -> Any:
        found = streaming.fit_stream(parquet, encoding, settings, scratch=scratch, on_epoch=quiet, window_rows=window)
        return found[0]

    def in_order(parquet: Path, settings: TrainSettings) -> Any:
        with mock.patch.object(streaming, "DiskShuffle", FileOrder):
            return streamed(parquet, settings)

    return {"full shuffle": in_memory, f"windows of {window:,}": streamed, "order of the file": in_order}


def evaluation(examples: Examples, encoding: Encoding) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    packing = Packing(encoding)
    x, y = packing.unpack(np.concatenate([packing.pack(batch) for batch in raw_batches(examples.eval)]))
    return x, y.astype(np.int8)


def main() -> None:
    from ml.training import network

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--window", type=int, default=2**15)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # that it makes a graph for each network
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        examples, files = written(given.rows, folder)
        encoding = Encoding.read(examples.encoding)
        x, labels = evaluation(examples, encoding)
        trained = ways(encoding, folder, given.window)
        rows = f"{examples.train_rows:,} train rows, {examples.eval_rows:,} evaluation rows"
        print(f"{rows}, {given.epochs} epochs, {given.seeds} seeds")
        heading = f"{'AUC':>8} {'+-':>8} {'log loss':>9} {'+-':>8}  less the full shuffle"
        print(f"{'file':10} {'way':20} {heading}", flush=True)
        for order, parquet in files.items():
            full: NDArray[np.float64] | None = None
            for way, train in trained.items():
                found = []
                for seed in range(given.seeds):
                    overrides = [f"train.epochs={given.epochs}", f"train.seed={seed}"]
                    model = train(parquet, resolve(overrides=overrides, environment={}).train)
                    p = network.predict(model, x)
                    loss = contributions(LOG_LOSS, labels, p, 0.5).mean()
                    found.append((contributions(AUC, labels, p, 0.5)[labels > 0].mean(), loss))
                each = np.array(found)
                full = each if full is None else full
                (auc, loss), (auc_error, loss_error) = each.mean(axis=0), each.std(axis=0, ddof=1) / len(each) ** 0.5
                less = each.mean(axis=0) - full.mean(axis=0)
                print(
                    f"{order:10} {way:20} {auc:8.5f} {auc_error:8.5f} {loss:9.5f} {loss_error:8.5f}"
                    f"  {less[0]:+.5f} {less[1]:+.5f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
