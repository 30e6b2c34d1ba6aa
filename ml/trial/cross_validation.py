"""Both settings on the same folds: grouped by customer profile, repeated, each time with another seed."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml.config.settings import TrainSettings
from ml.errors import DataError, FinalError
from ml.evaluation.metrics import binary_metrics
from ml.gate.paired.contributions import BRIER, LOG_LOSS, contributions
from ml.training.preprocessing import Fitter
from ml.training.train import fit
from ml.training.transform import TrainingSide

log = logging.getLogger(__name__)
METRICS = ("AUC", "log loss", "accuracy", "Brier score")
LOWER_IS_BETTER = ("log loss", "Brier score")
Scores = NDArray[np.float64]


def cross_validate(
    side: TrainingSide, settings: tuple[TrainSettings, TrainSettings], *, threshold: float, folds: int, repeats: int
) -> Scores:
    """Return the metrics of both settings on each split, shape [folds x repeats, 2, metrics], by the order of METRICS.

    In each split the encoding and the network are fitted on all folds but one, as a retraining fits them on the whole
    training side (early stopping watches a part of them), and scored on that one. Customers with the same profile are
    in the same fold. Both settings have the same folds, encoding and seed; each repeat has other folds, and the seed
    of the settings plus its number.

    Args:
        side: The customers of the training side.
        settings: Those of now, and those to try.
        threshold: The probability from which a customer is a target, for the accuracy.
        folds: At least two.
        repeats: At least one.

    Raises:
        DataError: A fold lacks customers of one of the two classes.
        FinalError: Training diverged; the message says under which settings.
    """
    scores = np.empty((folds * repeats, 2, len(METRICS)))
    started = time.monotonic()
    with no_garbage_is_kept():
        for number, (repeat, held) in enumerate(_splits(side, folds, repeats)):
            scores[number] = _score_both(side, held, settings, threshold, repeat)
            now, tried = scores[number, :, 0]
            left = (time.monotonic() - started) / (number + 1) * (len(scores) - number - 1)
            log.info(
                "split %2d of %d: AUC %.4f -> %.4f (%+.4f)%s",
                number + 1, len(scores), now, tried, tried - now, f"; about {left:.0f} s to go" if left else "",
            )  # fmt: skip
            gc.collect()
    return scores


def fold_of(profiles: NDArray[np.uint64], folds: int, *, seed: int) -> NDArray[np.int64]:
    """Return a fold for each row, shape [n]: at random by profile, whatever the order of the rows."""
    distinct, place = np.unique(profiles, return_inverse=True)
    order = np.random.Generator(np.random.PCG64(seed)).random(len(distinct)).argsort()
    return np.asarray((order.argsort() % folds)[place], dtype=np.int64)


def _splits(side: TrainingSide, folds: int, repeats: int) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Yield the number of the repeat and the mask of the fold that is held out, for each split."""
    for repeat in range(repeats):
        fold = fold_of(side.profiles, folds, seed=repeat)
        for number in range(folds):
            held = fold == number
            positive, rows = int(side.labels[held].sum()), int(held.sum())
            if positive in (0, rows):
                raise DataError(
                    f"Of {len(side.labels):,} customers of the training side {int(side.labels.sum()):,} are targets: "
                    f"too few of one kind for {folds} folds.",
                    "Get more data, or give fewer --folds.",
                )
            yield repeat, held


def _score_both(
    side: TrainingSide,
    held: NDArray[np.bool_],
    settings: tuple[TrainSettings, TrainSettings],
    threshold: float,
    repeat: int,
) -> Scores:
    from ml.training.network import predict

    fitter = Fitter()
    fitter.add({name: column[~held] for name, column in side.columns.items()})
    x = np.concatenate(list(fitter.fitted().apply(side.columns).values()), axis=1)
    labels = side.labels.astype(np.float32)
    found = []
    for which, chosen in zip(("of now", "to try"), settings, strict=True):
        seeded = replace(chosen, seed=chosen.seed + repeat)
        try:
            model, _ = fit(x[~held], labels[~held], side.profiles[~held], seeded, on_epoch=lambda _: None)
        except FinalError as error:
            raise FinalError(f"With the settings {which}: {error.what}", error.cure) from error
        found.append(_metrics(side.labels[held], predict(model, x[held]), threshold))
    return np.array(found)


def _metrics(labels: NDArray[np.int8], probability: NDArray[np.float32], threshold: float) -> list[float]:
    """Return `METRICS` of some rows; the log loss is the mean cross-entropy in nats."""
    known = binary_metrics(labels, probability, threshold)
    loss, brier = (float(contributions(metric, labels, probability, threshold).mean()) for metric in (LOG_LOSS, BRIER))
    return [known["AUC"], loss, known["BinaryAccuracy"], brier]


@contextmanager
def no_garbage_is_kept() -> Iterator[None]:
    """Let `gc.collect` look only at what is made in the block: what TensorFlow made before takes it a second."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
