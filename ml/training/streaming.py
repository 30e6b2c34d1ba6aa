"""Training on more rows than fit into memory: packed rows on the disk, unpacked for some thousand steps at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf

from ml.config.settings import TrainSettings
from ml.storage.progress import Progress
from ml.training import network
from ml.training.packed_rows import Packed, Packing, raw_batches
from ml.training.preprocessing import Encoding
from ml.training.shuffle import WINDOW_ROWS, DiskShuffle, pieces
from ml.training.split import is_holdout

PIECE_ROWS = 2**16
"""Rows that are unpacked and handed to TensorFlow together, about."""
MOST_HOLDOUT_ROWS = 1_000_000
"""Rows that early stopping watches, about: the mean of so many losses is known to a thousandth."""


def fit_stream(
    parquet: Path,
    encoding: Encoding,
    settings: TrainSettings,
    *,
    scratch: Path,
    on_epoch: Callable[[network.Epoch], None],
    window_rows: int = WINDOW_ROWS,
) -> tuple[keras.Model, list[network.Epoch]]:
    """Train on the rows of a file as `network.fit` does on arrays, in memory that does not grow with the rows.

    The order of the rows is another than that of `network.fit` (`ml.training.shuffle`), and early stopping watches
    about `MOST_HOLDOUT_ROWS` rows, if the share of the settings is more.

    Args:
        parquet: The train rows, as transform writes them.
        encoding: The one fitted on them.
        settings: Of training.
        scratch: A directory with space for about twenty bytes a row.
        on_epoch: Called after each pass.
        window_rows: Rows that are shuffled in memory together, about.

    Raises:
        FinalError: The loss or a weight is not finite, or one side of the holdout is empty.
    """
    packing = Packing(encoding)
    total = int(pq.ParquetFile(parquet).metadata.num_rows)
    share = min(settings.holdout_share, MOST_HOLDOUT_ROWS / total)
    watched: list[Packed] = [np.zeros(0, packing.dtype)]
    with DiskShuffle(scratch, packing.dtype, rows=total, seed=settings.seed, window_rows=window_rows) as shuffle:
        with Progress("train, shuffling", total) as progress:
            for batch in raw_batches(parquet):
                packed, aside = packing.pack(batch), is_holdout(batch["profile"].to_numpy(), share)
                watched.append(packed[aside])
                shuffle.add(packed[~aside])
                progress.advance(len(packed))
        holdout = np.concatenate(watched)
        network.require_both_sides(shuffle.rows, total)
        model, optimizer = network.start(packing.width, learning_rate=settings.learning_rate, seed=settings.seed)
        train, score = _train_graph(model, optimizer, settings.batch_size), _score_graph(model)
        order = np.random.Generator(np.random.PCG64(settings.seed))
        size = max(1, PIECE_ROWS // settings.batch_size) * settings.batch_size

        def run_epoch() -> tuple[float, float]:
            sums = []
            with Progress("train, one epoch", shuffle.rows) as progress:
                for piece in pieces(shuffle.epoch(order), size):
                    sums.append(train(*_tensors(packing, piece)))
                    progress.advance(len(piece))
            return _means(sums, shuffle.rows)

        def watch() -> tuple[float, float]:
            sums = [score(*_tensors(packing, piece)) for piece in pieces(iter([holdout]), PIECE_ROWS)]
            return _means(sums, len(holdout))

        return network.run_epochs(
            model, run_epoch, watch, epochs=settings.epochs, patience=settings.patience, on_epoch=on_epoch
        )


def _tensors(packing: Packing, rows: Packed) -> tuple[Any, Any]:
    x, y = packing.unpack(rows)
    return tf.constant(x), tf.constant(y[:, None])


def _means(sums: list[tuple[Any, Any]], rows: int) -> tuple[float, float]:
    """Return mean loss and BinaryAccuracy from the sums of the pieces, added in float64."""
    loss, hits = np.array(sums, dtype=np.float64).sum(axis=0) / rows
    return float(loss), float(hits)


def _train_graph(model: keras.Model, optimizer: Any, batch_size: int) -> Any:
    """Return a function that trains on the rows of a piece in their order, and returns the sums of loss and hits."""
    variables = model.trainable_variables

    def train(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        rows = tf.shape(x)[0]

        def step(start: tf.Tensor, total: tf.Tensor, right: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            some, labels = x[start : start + batch_size], y[start : start + batch_size]
            with tf.GradientTape() as tape:
                loss, hits = network.loss_and_hits(labels, model(some, training=True))
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            return start + batch_size, total + loss * tf.cast(tf.shape(some)[0], tf.float32), right + hits

        begin = (tf.constant(0), tf.constant(0.0), tf.constant(0.0))
        _, total, right = tf.while_loop(lambda start, *_: start < rows, step, begin, parallel_iterations=1)
        return total, right

    return tf.function(train, autograph=False, jit_compile=False, input_signature=_pieces_of(model))


def _score_graph(model: keras.Model) -> Any:
    def score(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        loss, hits = network.loss_and_hits(y, model(x, training=False))
        return loss * tf.cast(tf.shape(x)[0], tf.float32), hits

    return tf.function(score, autograph=False, jit_compile=False, input_signature=_pieces_of(model))


def _pieces_of(model: keras.Model) -> list[Any]:
    return [tf.TensorSpec([None, model.input_shape[1]], tf.float32), tf.TensorSpec([None, 1], tf.float32)]
