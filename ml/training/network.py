"""The network and its training: Dense 256-64-16 (relu) -> 1 (sigmoid), Adam, binary cross-entropy, BinaryAccuracy.

One epoch is one call of one TensorFlow graph: a `while` loop over mini-batches that a shuffled index gathers.
Keras's own `fit` costs two to four times the CPU on rows so small.

Deterministic for a seed on one machine: initial weights and dropout draw from seeded Keras generators, the order of
rows from a NumPy generator, and the loop runs its steps one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ml.errors import FinalError

LAYERS = (256, 64, 16)
DROPOUT = (0.5, 0.3, 0.0)
"""After each layer. Chosen on splits other than those that benchmarks/quality.py reports."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Epoch:
    """The result of one pass over the training rows; `number` counts from 1, losses are mean cross-entropies."""

    number: int
    loss: float
    accuracy: float
    holdout_loss: float
    holdout_accuracy: float
    is_best: bool


def build(width: int, *, seed: int) -> keras.Model:
    """Build an untrained network for rows of `width` float32 numbers; its output has shape [n, 1]."""
    model = keras.Sequential([keras.Input((width,), dtype="float32")])
    for number, (units, rate) in enumerate(zip(LAYERS, DROPOUT, strict=True)):
        initializer = keras.initializers.GlorotUniform(seed=10 * seed + number)
        model.add(keras.layers.Dense(units, activation="relu", kernel_initializer=initializer))
        if rate:
            model.add(keras.layers.Dropout(rate, seed=10 * seed + number))
    initializer = keras.initializers.GlorotUniform(seed=10 * seed + len(LAYERS))
    model.add(keras.layers.Dense(1, activation="sigmoid", kernel_initializer=initializer))
    return model


def fit(
    x: Floats,
    y: Floats,
    *,
    holdout: NDArray[np.bool_],
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    patience: int,
    on_epoch: Callable[[Epoch], None],
) -> tuple[keras.Model, list[Epoch]]:
    """Train on the rows outside `holdout`; stop `patience` epochs after the best loss on the rows inside it.

    Args:
        x: Shape [n, width].
        y: Shape [n], 0 or 1.
        holdout: Shape [n]; both sides need at least one row.
        epochs: At most so many passes.
        batch_size: Rows a step.
        learning_rate: Of Adam.
        seed: Of weights, dropout and row order.
        patience: In epochs.
        on_epoch: Called after each pass.

    Returns:
        The model with the weights of its best epoch, and all epochs.

    Raises:
        FinalError: The loss or a weight is not finite, or one side of the holdout is empty.
    """
    train_rows = int(np.count_nonzero(~holdout))
    require_both_sides(train_rows, len(y))
    model, optimizer = start(x.shape[1], learning_rate=learning_rate, seed=seed)
    train = _epoch_graph(model, optimizer, x[~holdout], y[~holdout], batch_size)
    score = _score_graph(model, x[holdout], y[holdout])
    order = np.random.Generator(np.random.PCG64(seed))

    def run_epoch() -> tuple[float, float]:
        shuffled = np.argsort(order.random(train_rows)).astype(np.int32)
        loss, accuracy = train(tf.constant(shuffled))
        return float(loss), float(accuracy)

    def watch() -> tuple[float, float]:
        loss, accuracy = score()
        return float(loss), float(accuracy)

    return run_epochs(model, run_epoch, watch, epochs=epochs, patience=patience, on_epoch=on_epoch)


def require_both_sides(train_rows: int, rows: int) -> None:
    """Refuse `rows` training rows all or none of which are outside the holdout.

    Raises:
        FinalError: One side of the holdout is empty.
    """
    if train_rows in (0, rows):
        raise FinalError(
            f"{rows} training rows, {train_rows} of them outside the holdout: both sides need rows.",
            "Get more data, or change train.holdout_share.",
        )


def start(width: int, *, learning_rate: float, seed: int) -> tuple[keras.Model, Any]:
    """Return an untrained network for rows of `width` numbers, and Adam with a state for its weights."""
    model = build(width, seed=seed)
    optimizer = keras.optimizers.Adam(learning_rate)
    optimizer.build(model.trainable_variables)
    return model, optimizer


def run_epochs(
    model: keras.Model,
    run_epoch: Callable[[], tuple[float, float]],
    watch: Callable[[], tuple[float, float]],
    *,
    epochs: int,
    patience: int,
    on_epoch: Callable[[Epoch], None],
) -> tuple[keras.Model, list[Epoch]]:
    """Train epoch by epoch until the holdout's loss has not fallen for `patience` epochs; the best weights stay.

    Args:
        model: The network.
        run_epoch: Trains it on all train rows once; returns mean loss and BinaryAccuracy.
        watch: Returns both on the holdout.
        epochs: At most so many.
        patience: In epochs.
        on_epoch: Called after each.

    Raises:
        FinalError: The loss or a weight is not finite.
    """
    history: list[Epoch] = []
    best, best_weights, best_number = inf, model.get_weights(), 0
    for number in range(1, epochs + 1):
        loss, accuracy = run_epoch()
        holdout_loss, holdout_accuracy = watch()
        # The weights too: TensorFlow fuses matrix product, bias and relu on a CPU, and that turns NaN into 0, so that a
        # network of NaN answers 0.5 with a finite loss.
        size = sum(float(np.abs(weights).sum()) for weights in model.get_weights())
        if not (isfinite(loss) and isfinite(holdout_loss) and isfinite(size)):
            raise FinalError(
                f"Training diverged in epoch {number}: loss {loss}, holdout loss {holdout_loss}, weights {size}.",
                "Lower train.learning_rate.",
            )
        epoch = Epoch(number, loss, accuracy, holdout_loss, holdout_accuracy, holdout_loss < best)
        history.append(epoch)
        on_epoch(epoch)
        if epoch.is_best:
            best, best_weights, best_number = holdout_loss, model.get_weights(), number
        elif number - best_number >= patience:
            break
    model.set_weights(best_weights)
    return model, history


def predict(model: keras.Model, x: Floats) -> Floats:
    """Return probabilities, shape [n], without Keras's `predict`, which builds an input pipeline for every call."""
    return np.asarray(model(tf.constant(x), training=False))[:, 0]


def loss_and_hits(y: tf.Tensor, probability: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the mean cross-entropy of some rows, and how many of them are predicted rightly at 0.5."""
    loss = tf.reduce_mean(keras.losses.binary_crossentropy(y, probability))
    hits = tf.reduce_sum(tf.cast(tf.equal(probability > 0.5, y > 0.5), tf.float32))
    return loss, hits


def _epoch_graph(model: keras.Model, optimizer: Any, x: Floats, y: Floats, batch_size: int) -> Any:
    """Return a function that trains on all rows once, in a given order, and returns mean loss and BinaryAccuracy."""
    rows, variables = len(y), model.trainable_variables
    steps = -(-rows // batch_size)
    all_x, all_y = tf.constant(x), tf.constant(y.astype(np.float32)[:, None])

    def epoch(order: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        def step(number: tf.Tensor, total: tf.Tensor, right: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            chosen = order[number * batch_size : (number + 1) * batch_size]
            with tf.GradientTape() as tape:
                loss, hits = loss_and_hits(tf.gather(all_y, chosen), model(tf.gather(all_x, chosen), training=True))
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            return number + 1, total + loss * tf.cast(tf.size(chosen), tf.float32), right + hits

        start = (tf.constant(0), tf.constant(0.0), tf.constant(0.0))
        _, total, right = tf.while_loop(lambda number, *_: number < steps, step, start, parallel_iterations=1)
        return total / rows, right / rows

    return tf.function(epoch, autograph=False, jit_compile=False, input_signature=[tf.TensorSpec([rows], tf.int32)])


def _score_graph(model: keras.Model, x: Floats, y: Floats) -> Any:
    all_x, all_y = tf.constant(x), tf.constant(y.astype(np.float32)[:, None])

    def score() -> tuple[tf.Tensor, tf.Tensor]:
        loss, hits = loss_and_hits(all_y, model(all_x, training=False))
        return loss, hits / len(y)

    return tf.function(score, autograph=False, jit_compile=False)
