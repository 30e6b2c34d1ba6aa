"""Replaying the warm-up requests in a SavedModel.

Source: tensorflow_serving/servables/tensorflow/saved_model_warmup_util.cc. The file is a TFRecord of PredictionLog.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from serving.errors import StatusError, invalid
from serving.models.saved_model import Servable, from_tensorflow
from serving.models.signatures import DEFAULT_SIGNATURE

_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
_MOST = 1000


def warm_up(servable: Servable, *, rounds: int = 1) -> int | None:
    """Runs every warm-up request of a servable.

    Args:
        servable: The servable.
        rounds: How often each request is run.

    Returns:
        The number of requests, or None when the SavedModel has no such file.

    Raises:
        StatusError: The file is damaged or too long, or a request fails; the version must not be served then.
    """
    path = servable.path / _FILE
    if not path.is_file():
        return None
    count = 0
    for record in _records(path):
        count += 1
        if count > _MOST:
            raise invalid(f"Number of warmup records exceeds the maximum ({_MOST}) at {path}")
        for _ in range(rounds):
            _replay(servable, record, path)
    return count


def _records(path: Path) -> Iterator[bytes]:
    try:
        yield from tf.compat.v1.io.tf_record_iterator(str(path))
    except tf.errors.DataLossError as error:
        raise StatusError(
            "DATA_LOSS", f"{error.message}. Please verify your warmup data is in TFRecord format."
        ) from error
    except tf.errors.OpError as error:
        raise from_tensorflow(error) from error


def _replay(servable: Servable, record: bytes, path: Path) -> None:
    from google.protobuf.message import DecodeError
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    try:
        log = PredictionLog.FromString(record)
    except DecodeError as error:
        raise invalid(f"Failed to parse warmup record: {record[:100]!r} from {path}") from error
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        request = log.predict_log.request
        _run(servable, request.model_spec, {name: tf.make_ndarray(value) for name, value in request.inputs.items()})
    elif kind in ("classify_log", "regress_log"):
        request = getattr(log, kind).request
        _run(servable, request.model_spec, {"inputs": _serialized(request.input)})
    elif kind == "multi_inference_log":
        for task in log.multi_inference_log.request.tasks:
            _run(servable, task.model_spec, {"inputs": _serialized(log.multi_inference_log.request.input)})
    else:
        raise StatusError("UNIMPLEMENTED", f"Unsupported log_type for warmup: {kind}")


def _run(servable: Servable, spec: Any, inputs: dict[str, Any]) -> None:
    name = spec.signature_name or DEFAULT_SIGNATURE
    signature = servable.signatures.get(name)
    if signature is None:
        raise StatusError("FAILED_PRECONDITION", f'Serving signature key "{name}" not found.')
    if set(inputs) != set(signature.inputs):
        raise invalid(
            f"input size does not match signature: {len(inputs)}!={len(signature.inputs)} "
            f"len({{{','.join(sorted(inputs))}}}) != len({{{','.join(signature.inputs)}}})."
        )
    servable.run(inputs, signature=name)


def _serialized(given: Any) -> Any:
    kind = given.WhichOneof("kind")
    if kind == "example_list_with_context":
        context = given.example_list_with_context.context.SerializeToString()
        examples = [context + each.SerializeToString() for each in given.example_list_with_context.examples]
    else:
        examples = [each.SerializeToString() for each in given.example_list.examples]
    if not examples:
        raise invalid("Input is empty.")
    return np.array(examples, dtype=object)
