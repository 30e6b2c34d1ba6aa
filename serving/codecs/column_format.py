"""The column format of :predict, {"inputs": ...}, by the exact rules.

Source: FillTensorMapFromInputsMap in tensorflow_serving/util/json_tensor.cc.
"""

from __future__ import annotations

from typing import Any

from serving.codecs.json_parser import JsonObject
from serving.codecs.tensors import Column, fill, is_base64, shape_of, trimmed
from serving.errors import invalid
from serving.models.signatures import Signature


def columns(inputs: object, signature: Signature) -> dict[str, Column]:
    """One column for each input, with the shape its list has.

    Args:
        inputs: an object with one key for each input (more keys are ignored), or, for a single input, its value.
        signature: what is being called.

    Raises:
        StatusError: INVALID_ARGUMENT; an input is missing, ragged or of the wrong type.
    """
    specs = signature.inputs
    if isinstance(inputs, JsonObject) and not is_base64(inputs):
        found: dict[str, Column] = {}
        for name, spec in specs.items():
            there, value = inputs.find(name)
            if not there:
                raise invalid(f"Missing named input: {name} in 'inputs' object.")
            found[name] = _column(value, spec.dtype)
        return found
    if len(specs) > 1:
        raise invalid(
            "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
            "tensorinfo_map"
        )
    return {name: _column(inputs, spec.dtype) for name, spec in specs.items()}


def _column(value: object, dtype: str) -> Column:
    shape = shape_of(value)
    values: list[Any] = []
    fill(value, dtype, shape, values)
    return trimmed(values, shape)
