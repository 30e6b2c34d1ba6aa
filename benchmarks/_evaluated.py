"""The evaluation rows of several models that differ by seed, for whoever asks what their probabilities are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.artifacts import Accepted
from ml.config.settings import resolve
from ml.data.features import CATEGORICAL
from ml.data.schema import seed_schema
from ml.training.preprocessing import Encoding
from ml.training.split import is_holdout
from ml.training.transform import transform


@dataclass(frozen=True)
class Evaluated:
    """What the models said of the evaluation rows, and what is known of these.

    Attributes:
        probabilities: For each model the probabilities, float32 [rows].
        labels: 1 for a customer of the target segment, int8 [rows].
        profiles: The hash of each customer's profile, uint64 [rows].
        inputs: What the network saw, float32 [rows, inputs].
        categories: The raw values of each categorical feature, by its name.
    """

    probabilities: list[NDArray[np.float32]]
    labels: NDArray[np.int8]
    profiles: NDArray[np.uint64]
    inputs: NDArray[np.float32]
    categories: dict[str, NDArray[Any]]


def evaluated(data: Path, out: Path, seeds: Sequence[int]) -> Evaluated:
    """Trains a model for each seed with the settings of the project; `out` is an empty directory."""
    from ml.training import network  # TensorFlow
    from ml.training.train import network_inputs

    settings = resolve(environment={})
    accepted = Accepted(out, "", 0, data, [], {})
    examples = transform(accepted, schema=seed_schema(), settings=settings.transform, target=settings.target, out=out)
    encoding = Encoding.read(examples.encoding)
    train, held = (pq.read_table(path).combine_chunks() for path in (examples.train, examples.eval))
    seen, inputs = (network_inputs(side.to_batches()[0], encoding) for side in (train, held))
    probabilities = []
    for seed in seeds:
        model, _ = network.fit(
            seen,
            train["label"].to_numpy().astype(np.float32),
            holdout=is_holdout(train["profile"].to_numpy(), settings.train.holdout_share),
            epochs=settings.train.epochs,
            batch_size=settings.train.batch_size,
            learning_rate=settings.train.learning_rate,
            seed=seed,
            patience=settings.train.patience,
            on_epoch=lambda _: None,
        )
        probabilities.append(network.predict(model, inputs))
    categories = {name: held[name].to_numpy() for name in CATEGORICAL}
    return Evaluated(probabilities, held["label"].to_numpy(), held["profile"].to_numpy(), inputs, categories)
