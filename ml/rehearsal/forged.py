"""Networks that nobody trained: those of a version with noise on its weights, which the step train then exports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.artifacts import Examples
from ml.audit.reproduction.weights import weights_of

Weights = list[NDArray[np.float32]]
Floats = NDArray[np.float32]


def network_weights(saved_model: Path) -> Weights:
    """Return the weights of an exported network, in Keras's order; the states of its dropout are left out."""
    return [value for value in weights_of(saved_model).values() if value.dtype == np.float32]


def noised(weights: Sequence[Floats], *, direction: int, scale: float) -> Weights:
    """Return the weights with noise on them, `scale` times the deviation of each array.

    Weights of one `direction` lie on a line: the larger the scale, the further from the network as it was.
    """
    draw = np.random.Generator(np.random.PCG64(direction)).standard_normal
    return [(one + scale * one.std() * draw(one.shape)).astype(np.float32) for one in weights]


@contextmanager
def training_returns(weights: Sequence[Floats]) -> Iterator[None]:
    """Let the fit of the step train return a network with these weights; the rest of the step is as always."""
    from ml.training import network, train

    def fit(*_: Any, **__: Any) -> tuple[Any, list[Any]]:
        return _network(weights), [network.Epoch(1, 0.4, 0.8, 0.4, 0.8, True)]

    real, train.fit = train.fit, fit
    try:
        yield
    finally:
        train.fit = real


class Scorer:
    """What networks answer to the evaluation rows of a run, without a SavedModel."""

    def __init__(self, examples: Examples) -> None:
        import pyarrow.parquet as pq

        from ml.training.preprocessing import Encoding
        from ml.training.train import network_inputs

        encoding = Encoding.read(examples.encoding)
        batches = pq.ParquetFile(examples.eval).iter_batches()
        self._inputs = np.concatenate([network_inputs(batch, encoding) for batch in batches])

    def __call__(self, weights: Sequence[Floats]) -> Floats:
        """Return the probabilities of a network with these weights, shape [n]."""
        from ml.training import network

        return network.predict(_network(weights), self._inputs)


def _network(weights: Sequence[Floats]) -> Any:
    from ml.training import network

    model = network.build(weights[0].shape[0], seed=0)
    model.set_weights(list(weights))
    return model
