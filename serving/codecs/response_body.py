"""Writes what a graph gave as JSON, in the layout of TensorFlow Serving's four kinds of answer.

Source: MakeRowFormatJsonFromTensors and its neighbours in tensorflow_serving/util/json_tensor.cc.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from serving.codecs.json_text import base64_object, literal
from serving.codecs.number_format import floats
from serving.errors import StatusError, invalid
from serving.models.signatures import Signature, TensorSpec

Outputs = Mapping[str, NDArray[Any]]
_INTEGERS = ("int8", "int16", "uint8", "int32", "int64", "uint32", "uint64")


def error_body(error: StatusError) -> bytes:
    """{"error": "..."}, made once."""
    error.body = error.body or f'{{\n    "error": {literal(error.message)}\n}}'.encode("utf-8", "surrogateescape")
    return error.body


class Rows:
    """{"predictions": [...]}: one element for each row; rows of several requests can be written in one go."""

    def texts(self, outputs: Outputs, signature: Signature) -> list[str]:
        """The JSON of each row.

        Raises:
            StatusError: an output is a scalar, has another number of rows, or a type JSON cannot hold.
        """
        _check_batch(outputs)
        several = len(outputs) > 1
        cells = [
            _cells(value, name, signature.outputs[name], level=3 if several else 2) for name, value in outputs.items()
        ]
        if not several:
            return cells[0]
        keys = [f"            {literal(name)}: " for name in outputs]
        template = "        {\n" + ",\n".join(key.replace("%", "%%") + "%s" for key in keys) + "\n        }"
        return [template % row for row in zip(*cells, strict=True)]

    def body(self, texts: Sequence[str], signature: Signature) -> bytes:
        """The answer for some of the rows."""
        if not texts:
            return b'{\n    "predictions": []\n}'
        if len(signature.outputs) > 1:
            text = '{\n    "predictions": [\n' + ",\n".join(texts) + "\n    ]\n}"
        else:
            text = '{\n    "predictions": [' + ", ".join(texts) + "\n    ]\n}"
        return text.encode("utf-8", "surrogateescape")


def columns_body(outputs: Outputs, signature: Signature) -> bytes:
    """{"outputs": ...}: each output as one nested list; without its name when it is the only one.

    Raises:
        StatusError: an output has a type JSON cannot hold.
    """
    if not outputs:
        raise invalid("Cannot convert empty tensor map to JSON")
    if len(outputs) == 1:
        name, value = next(iter(outputs.items()))
        text = _nested(value, name, signature.outputs[name], level=1)
    else:
        members = ",\n".join(
            f"        {literal(name)}: {_nested(value, name, signature.outputs[name], level=2)}"
            for name, value in outputs.items()
        )
        text = f"{{\n{members}\n    }}"
    return f'{{\n    "outputs": {text}\n}}'.encode("utf-8", "surrogateescape")


class Classes:
    """{"results": [[[label, score], ...], ...]} from the outputs "classes" and "scores", of which one may lack."""

    def texts(self, outputs: Outputs, signature: Signature) -> list[str]:  # noqa: ARG002 - one protocol with Rows
        """The JSON of each example; both outputs were checked before."""
        some = next(iter(outputs.values()))
        labels = [literal("")] * some.size
        if "classes" in outputs:
            labels = [_text_of(label) for label in outputs["classes"].ravel().tolist()]
        scores = ["0.0"] * some.size
        if "scores" in outputs:
            scores = floats(outputs["scores"].ravel().tolist(), single=True)
        pairs = [f"[{label}, {score}]" for label, score in zip(labels, scores, strict=True)]
        return _grouped(pairs, some.shape)

    def body(self, texts: Sequence[str], signature: Signature) -> bytes:  # noqa: ARG002
        """The answer for some of the examples."""
        return ('{\n    "results": [' + ", ".join(texts) + "\n    ]\n}").encode("utf-8", "surrogateescape")


class Values:
    """{"results": [number, ...]} from the output "outputs" of a regression."""

    def texts(self, outputs: Outputs, signature: Signature) -> list[str]:  # noqa: ARG002
        """The JSON of each example; the output was checked before."""
        return floats(outputs["outputs"].ravel().tolist(), single=True)

    def body(self, texts: Sequence[str], signature: Signature) -> bytes:  # noqa: ARG002
        """The answer for some of the examples."""
        return ('{\n    "results": [' + ", ".join(texts) + "]\n}").encode()


def _check_batch(outputs: Outputs) -> None:
    if not outputs:
        raise invalid("Cannot convert empty tensor map to JSON")
    size = -1
    for name, value in outputs.items():
        if value.ndim == 0:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if size not in (-1, value.shape[0]):
            raise invalid(f"Tensor name: {name} has inconsistent batch size: {value.shape[0]} expecting: {size}")
        size = value.shape[0]


def _cells(value: NDArray[Any], name: str, spec: TensorSpec, *, level: int) -> list[str]:
    """One text for each row, lists in one line."""
    # A bytes object in a list is indented by the lists around it, even where those are in one line.
    scalars = _scalars(value, name, spec, level + value.ndim - 1)
    return scalars if value.ndim == 1 else _grouped(scalars, value.shape)


def _grouped(texts: list[str], shape: tuple[int, ...]) -> list[str]:
    for axis in range(len(shape) - 1, 0, -1):
        size = shape[axis]
        groups = math.prod(shape[:axis])
        texts = [f"[{', '.join(texts[at * size : (at + 1) * size])}]" for at in range(groups)]
    return texts


def _nested(value: NDArray[Any], name: str, spec: TensorSpec, *, level: int) -> str:
    """The whole tensor, one element a line."""
    texts = _scalars(value, name, spec, level + value.ndim)
    for axis in range(value.ndim - 1, -1, -1):
        size = value.shape[axis]
        indent, outdent = "    " * (level + axis + 1), "    " * (level + axis)
        groups = math.prod(value.shape[:axis])
        if size == 0:
            texts = ["[]"] * groups
            continue
        separator = f",\n{indent}"
        texts = [f"[\n{indent}{separator.join(texts[at * size : (at + 1) * size])}\n{outdent}]" for at in range(groups)]
    return texts[0]


def _scalars(value: NDArray[Any], name: str, spec: TensorSpec, level: int) -> list[str]:
    flat = value.ravel().tolist()
    if not flat:
        return []  # of any type
    if spec.dtype in ("float", "double"):
        return floats(flat, single=spec.dtype == "float")
    if spec.dtype in _INTEGERS:
        return list(map(str, flat))
    if spec.dtype == "bool":
        return ["true" if scalar else "false" for scalar in flat]
    if spec.dtype == "string":
        if name.endswith("_bytes"):
            return [base64_object(scalar, level) for scalar in flat]
        return [_text_of(scalar) for scalar in flat]
    raise invalid(f"Failed to write JSON value for tensor type: {spec.dtype}")


def _text_of(scalar: Any) -> str:
    return literal(scalar.decode("utf-8", "surrogateescape") if isinstance(scalar, bytes) else str(scalar))
