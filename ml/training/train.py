"""Train the network on the transformed rows, export it with its preprocessing, and check that it can be served."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.artifacts import Examples, Model
from ml.config.settings import TargetSettings, TrainSettings
from ml.data.features import FEATURES, NUMERIC, transformed
from ml.errors import FinalError, TransientError
from ml.registry.golden_rows import GoldenRows
from ml.storage import files
from ml.training.preprocessing import Encoding
from ml.training.split import is_holdout

log = logging.getLogger(__name__)
Floats = NDArray[np.float32]
IN_MEMORY = 64 * 2**20
"""Bytes of the network's inputs up to which training holds all rows in memory, about 390,000 of them."""
EXPORT_TOLERANCE = 1e-5
"""Largest difference of a probability between the trained network and the exported graph."""


def train(
    examples: Examples,
    *,
    settings: TrainSettings,
    target: TargetSettings,
    replay_rows: int,
    of_sample: bool = False,
    out: Path,
) -> Model:
    """Fit, export and check the network. A model that is `of_sample`, of made-up customers, says so in its metadata.

    Writes `saved_model/` (warm-up requests in it), `replay.json` (known evaluation rows with the network's own
    probabilities) and `history.json` (one entry an epoch) into `out`.

    Raises:
        FinalError: The loss diverges, or the exported graph does not answer as the network does.
    """
    from ml.training import network
    from ml.training.export import export
    from ml.training.warm_up import write_warm_up

    encoding = Encoding.read(examples.encoding)
    model, history = _fitted(examples.train, encoding, settings, scratch=out)
    with _full_disk(out):
        export(model, encoding, target, out / "saved_model", of_sample=of_sample)
        write_warm_up(out / "saved_model", encoding)
    known, known_x = _known_rows(examples.eval, encoding, replay_rows)
    golden_rows = GoldenRows(known, network.predict(model, known_x).tolist())
    _check(out / "saved_model", golden_rows)
    golden_rows.write(out / "replay.json")
    files.write_json(out / "history.json", [asdict(epoch) for epoch in history])
    best = min(history, key=lambda epoch: epoch.holdout_loss)
    sha256 = files.sha256_tree(out / "saved_model")
    return Model(out, sha256, examples.train_rows, epochs=best.number, loss=best.holdout_loss)


def fit(
    x: Floats,
    labels: Floats,
    profiles: NDArray[np.uint64],
    settings: TrainSettings,
    *,
    on_epoch: Callable[[Any], None],
) -> tuple[Any, list[Any]]:
    """Fit the network by the settings of training, and return it with its epochs, as `network.fit` does.

    Args:
        x: Shape [n, width].
        labels: Shape [n], 0 or 1.
        profiles: Hashes, shape [n]; they decide which rows early stopping watches.
        settings: Of training.
        on_epoch: Called with the `network.Epoch` after each pass.

    Raises:
        FinalError: The loss diverges, or early stopping has no rows to watch.
    """
    from ml.training import network

    return network.fit(
        x,
        labels,
        holdout=is_holdout(profiles, settings.holdout_share),
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        seed=settings.seed,
        patience=settings.patience,
        on_epoch=on_epoch,
    )


def _fitted(parquet: Path, encoding: Encoding, settings: TrainSettings, *, scratch: Path) -> tuple[Any, list[Any]]:
    """Fit the network on the rows of a file: in memory when they are few, else streamed from the disk."""
    rows = int(pq.ParquetFile(parquet).metadata.num_rows)
    if rows * encoding.width * np.dtype(np.float32).itemsize <= IN_MEMORY:
        return fit(*_matrix(parquet, encoding), settings, on_epoch=_log_epoch)
    from ml.training.streaming import fit_stream

    log.info("%d rows are streamed from the disk", rows)
    return fit_stream(parquet, encoding, settings, scratch=scratch, on_epoch=_log_epoch)


@contextmanager
def _full_disk(place: Path) -> Iterator[None]:
    """Raise a `TransientError` for TensorFlow's own error of a full disk."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise TransientError(
            f"{place}: TensorFlow cannot write the SavedModel: {str(error.message).splitlines()[0][:200]}.",
            "Free disk space; nothing was published and the step can be repeated.",
        ) from error


def _matrix(parquet: Path, encoding: Encoding) -> tuple[Floats, Floats, NDArray[np.uint64]]:
    """Return all rows as inputs [n, width], labels [n] and profile hashes [n]."""
    file = pq.ParquetFile(parquet)
    rows = file.metadata.num_rows
    x = np.empty((rows, encoding.width), dtype=np.float32)
    names = [transformed(feature.name) for feature in encoding.features]
    start = 0
    for batch in file.iter_batches(columns=names):
        x[start : start + batch.num_rows] = network_inputs(batch, encoding)
        start += batch.num_rows
    rest = file.read(columns=["label", "profile"])
    return x, rest["label"].to_numpy().astype(np.float32), rest["profile"].to_numpy()


def network_inputs(rows: Any, encoding: Encoding) -> Floats:
    """Return the `_xf` columns of a record batch side by side, float32 [n, width]."""
    parts = [rows.column(transformed(f.name)).flatten().to_numpy().reshape(-1, f.width) for f in encoding.features]
    return np.concatenate(parts, axis=1)


def _known_rows(parquet: Path, encoding: Encoding, count: int) -> tuple[list[dict[str, Any]], Floats]:
    """Return evaluation rows spread evenly over the file, as a client sends them and as the network sees them."""
    file = pq.ParquetFile(parquet)
    total = file.metadata.num_rows
    wanted = np.unique(np.linspace(0, total - 1, min(count, total)).astype(np.int64))
    instances: list[dict[str, Any]] = []
    start = 0
    for batch in file.iter_batches(columns=list(FEATURES)):
        inside = wanted[(wanted >= start) & (wanted < start + batch.num_rows)] - start
        instances += [{name: row[name] for name in FEATURES} for row in batch.take(pa.array(inside)).to_pylist()]
        start += batch.num_rows
    columns = {
        name: np.array([row[name] for row in instances], dtype=np.float32 if name in NUMERIC else object)
        for name in FEATURES
    }
    return instances, np.concatenate(list(encoding.apply(columns).values()), axis=1)


def _check(saved_model: Path, golden_rows: GoldenRows) -> None:
    """Load the SavedModel as TensorFlow Serving would, before it is called a model."""
    from serving.models.saved_model import load

    def ask(rows: Any) -> list[dict[str, float]]:
        columns = {
            name: np.array([row[name] for row in rows], dtype=np.float32 if name in NUMERIC else object)
            for name in FEATURES
        }
        return [{"probability": float(value)} for value in servable.run(columns)["probability"]]

    servable = load(saved_model)
    try:
        worst = golden_rows.check(ask, tolerance=EXPORT_TOLERANCE, whom="The exported model")
    except Exception as error:
        raise FinalError(
            f"The exported model cannot be served: {error}", "This is a bug in ml/training/export.py."
        ) from error
    finally:
        servable.close()
    log.info("the exported model answers; largest difference from the network %.1e", worst)


def _log_epoch(epoch: Any) -> None:
    log.info(
        "epoch %2d  loss %.4f  BinaryAccuracy %.4f  holdout loss %.4f  holdout BinaryAccuracy %.4f%s",
        epoch.number,
        epoch.loss,
        epoch.accuracy,
        epoch.holdout_loss,
        epoch.holdout_accuracy,
        "  best so far" if epoch.is_best else "",
    )
