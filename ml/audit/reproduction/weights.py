"""The weights of a SavedModel, compared bit for bit.

Two exports of one network differ in incidental bytes: the order in which a set of variables was written, and the names
of functions. So the variables decide, not the hash of the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.errors import FinalError

Weights = Mapping[str, Any]
"""NumPy arrays by their names in the checkpoint."""
IN_ORDER = "variables/"
"""What the names of the variables begin with whose order is that of the network; the others repeat them."""


def weights_of(saved_model: Path) -> Weights:
    """Return the variables of the network, in its order.

    Raises:
        FinalError: There is no checkpoint with such variables that can be read.
    """
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(str(saved_model / "variables" / "variables"))
        names = sorted(name for name in reader.get_variable_to_shape_map() if name.startswith(IN_ORDER))
        found = {name: reader.get_tensor(name) for name in names}
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise FinalError(
            f"{saved_model}: its variables cannot be read ({error}).", "Restore the directory from a backup."
        ) from error
    if not found:
        raise FinalError(
            f"{saved_model}: has no variables as ml/training/export.py writes them.", "Name a version of this pipeline."
        )
    return found


def same_weights(ours: Weights, theirs: Weights) -> bool:
    """Return whether two networks have the same variables, bit for bit."""
    return ours.keys() == theirs.keys() and all(_identity(ours[name]) == _identity(theirs[name]) for name in ours)


def largest_weight_difference(ours: Weights, theirs: Weights) -> float | None:
    """Return the largest absolute difference of a weight; None when the networks differ in their shape."""
    if ours.keys() != theirs.keys() or any(ours[name].shape != theirs[name].shape for name in ours):
        return None
    return max(float(abs(ours[name].astype("float64") - theirs[name].astype("float64")).max()) for name in ours)


def _identity(tensor: Any) -> tuple[str, tuple[int, ...], bytes]:
    return str(tensor.dtype), tuple(tensor.shape), tensor.tobytes()
