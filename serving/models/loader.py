"""Brings a version up: loads it, proves that it can be called at all, and warms it up."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from serving.errors import StatusError
from serving.models.saved_model import Servable, load
from serving.models.signatures import Signature
from serving.models.warm_up import warm_up

_HARMLESS = {"INVALID_ARGUMENT", "OUT_OF_RANGE"}


def bring_up(
    path: Path, *, model: str, number: int, threads: int, warm_up_rounds: int = 1
) -> tuple[Servable, float | None]:
    """A servable that is ready for requests, and the seconds its warm-up requests took, if it had any.

    Raises:
        StatusError: it cannot be loaded or called; code and text are for the version's status.
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
            prove_callable(servable, signature)
        start = time.perf_counter()
        warmed = warm_up_rounds > 0 and warm_up(servable, rounds=warm_up_rounds) is not None
        return servable, time.perf_counter() - start if warmed else None
    except BaseException:
        servable.close()
        raise


def prove_callable(servable: Servable, signature: Signature) -> None:
    """Calls a signature with no rows.

    TensorFlow Serving leaves this out, and so replaces a good version by one whose variables were never written.
    What the graph merely finds wrong with an empty batch does not count.

    Raises:
        StatusError: the signature cannot be called, whatever the request.
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
