"""Loading one version: the SavedModel is loaded, checked for being callable at all, and warmed up."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from serving.errors import StatusError
from serving.models.saved_model import Servable, load
from serving.models.signatures import Signature
from serving.models.warm_up import warm_up

_HARMLESS = {"INVALID_ARGUMENT", "OUT_OF_RANGE"}


def load_servable(
    path: Path, *, model: str, number: int, threads: int, warm_up_rounds: int = 1
) -> tuple[Servable, float | None]:
    """Loads a version until it is ready for requests.

    Args:
        path: The version's directory, with the SavedModel in it.
        model: The name of the model, for messages.
        number: The version, for messages.
        threads: The threads TensorFlow may use for this servable; 0 lets it choose.
        warm_up_rounds: How often each warm-up request is replayed; 0 skips the warm-up.

    Returns:
        The servable, and the seconds its warm-up requests took; None when it has none.

    Raises:
        StatusError: The version cannot be loaded or called; its status shows this code and message.
    """
    if not path.is_dir():
        raise StatusError(
            "FAILED_PRECONDITION",
            "Error while attempting to reserve resources to load servable "
            f"{{name: {model} version: {number}}}: {path}; Not a directory",
        )
    servable = load(path, threads=threads)
    try:
        for signature in servable.signatures.values():
            check_callable(servable, signature)
        start = time.perf_counter()
        warmed = warm_up_rounds > 0 and warm_up(servable, rounds=warm_up_rounds) is not None
        return servable, time.perf_counter() - start if warmed else None
    except BaseException:
        servable.close()
        raise


def check_callable(servable: Servable, signature: Signature) -> None:
    """Calls a signature with an empty batch.

    TensorFlow Serving does not do this, and so replaces a good version by one whose variables were never written. An
    error that the graph reports only because the batch is empty does not count.

    Raises:
        StatusError: The signature cannot be called, whatever the request is.
    """
    if not signature.inputs or any(spec.numpy is None for spec in signature.inputs.values()):
        return
    inputs = {
        name: np.zeros(
            tuple((0 if axis == 0 else 1) if size is None else size for axis, size in enumerate(spec.shape or ())),
            dtype=spec.numpy,
        )
        for name, spec in signature.inputs.items()
    }
    for name, value in inputs.items():
        if value.dtype == object:
            inputs[name] = np.full(value.shape, b"", dtype=object)
    try:
        servable.run(inputs, signature=signature.name)
    except StatusError as error:
        if error.code not in _HARMLESS or error.message.startswith("No OpKernel was registered"):
            raise
