"""The SavedModel as the guides of KServe and BentoML show it: loaded by TensorFlow, its signature called with tensors.

This runs in their environments with TensorFlow alone; nothing else of this project is imported.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf


class Customers:
    """A model that takes rows of customers and returns rows of outputs.

    Args:
        path: The SavedModel's directory.
    """

    def __init__(self, path: str) -> None:
        self._model = tf.saved_model.load(path)  # keeps the variables alive
        self._call = self._model.signatures["serving_default"]
        _, inputs = self._call.structured_input_signature
        self._dtypes = {name: spec.dtype for name, spec in inputs.items()}

    def predict(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Returns one row of outputs for each row of inputs."""
        outputs = self._call(
            **{name: tf.constant([row[name] for row in rows], dtype) for name, dtype in self._dtypes.items()}
        )
        columns = {
            name: [item.decode() if isinstance(item, bytes) else item for item in value.numpy().tolist()]
            for name, value in outputs.items()
        }
        return [dict(zip(columns, values)) for values in zip(*columns.values())]  # noqa: B905 - all have one per row
