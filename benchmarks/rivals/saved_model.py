"""The SavedModel as KServe's and BentoML's guides have it: loaded by TensorFlow, its signature called with tensors.

Runs in their environments, on plain TensorFlow; nothing of this project is there.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf


class Customers:
    """Takes rows, gives rows.

    Args:
        path: the SavedModel's directory.
    """

    def __init__(self, path: str) -> None:
        self._model = tf.saved_model.load(path)  # keeps the variables alive
        self._call = self._model.signatures["serving_default"]
        _, inputs = self._call.structured_input_signature
        self._dtypes = {name: spec.dtype for name, spec in inputs.items()}

    def predict(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """One answer for each row."""
        outputs = self._call(
            **{name: tf.constant([row[name] for row in rows], dtype) for name, dtype in self._dtypes.items()}
        )
        columns = {
            name: [item.decode() if isinstance(item, bytes) else item for item in value.numpy().tolist()]
            for name, value in outputs.items()
        }
        return [dict(zip(columns, values)) for values in zip(*columns.values())]  # noqa: B905 - all have one per row
