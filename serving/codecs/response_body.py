"""Writes what a graph gave as JSON, in the layout of TensorFlow Serving's four kinds of answer.

Source: MakeRowFormatJsonFromTensors and its neighbours in tensorflow_serving/util/json_tensor.cc.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from numpy.typing import NDArray

from serving.codecs.json_text import base64_object, literal
from serving.codecs.number_format import floats
from serving.errors import StatusError, invalid
from serving.models.signatures import Signature, TensorSpec

Outputs = Mapping[str, NDArray[Any]]
Cells = Sequence[list[bytes]]
"""For each output the JSON of its value in each row."""
_BETWEEN_ROWS = b"\n        },\n"
_INTEGERS = ("int8", "int16", "uint8", "int32", "int64", "uint32", "uint64")


def error_body(error: StatusError) -> bytes:
    """{"error": "..."}, made once."""
    error.body = error.body or f'{{\n    "error": {literal(error.message)}\n}}'.encode("utf-8", "surrogateescape")
    return error.body


class RowFormat:
    """{"predictions": [...]}: one element for each row; rows of several requests can be written in one go."""

    def cells(self, outputs: Outputs, signature: Signature) -> Cells:
        """The JSON of each output in each row.

        Raises:
            StatusError: an output is a scalar, has another number of rows, or a type JSON cannot hold.
        """
        _check_batch(outputs)
        level = 3 if len(outputs) > 1 else 2
        return [_cells(value, name, signature.outputs[name], level=level) for name, value in outputs.items()]

    def body(self, cells: Cells, rows: slice, signature: Signature) -> bytes:
        """The answer for some of the rows."""
        chosen = [column[rows] for column in cells]
        if not chosen[0]:
            return b'{\n    "predictions": []\n}'
        if len(chosen) == 1:
            return b'{\n    "predictions": [' + b", ".join(chosen[0]) + b"\n    ]\n}"
        # One list of keys and values in turn, joined at once: a join for each row would take as long as all the rest.
        keys = _keys(tuple(signature.outputs))
        step = 2 * len(keys)
        parts = [b""] * (step * len(chosen[0]))
        for place, (key, column) in enumerate(zip(keys, chosen, strict=True)):
            parts[2 * place :: step] = [key] * len(column)
            parts[2 * place + 1 :: step] = column
        parts[0] = parts[0].removeprefix(_BETWEEN_ROWS)
        return b'{\n    "predictions": [\n' + b"".join(parts) + b"\n        }\n    ]\n}"


def column_format(outputs: Outputs, signature: Signature) -> bytes:
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
        members = [
            b"        %b: %b" % (_text(name), _nested(value, name, signature.outputs[name], level=2))
            for name, value in outputs.items()
        ]
        text = b"{\n" + b",\n".join(members) + b"\n    }"
    return b'{\n    "outputs": ' + text + b"\n}"


class Classes:
    """{"results": [[[label, score], ...], ...]} from the outputs "classes" and "scores", of which one may lack."""

    def cells(self, outputs: Outputs, signature: Signature) -> Cells:  # noqa: ARG002 - one protocol with RowFormat
        """The JSON of each example; both outputs were checked before."""
        some = next(iter(outputs.values()))
        labels = [_text("")] * some.size
        if "classes" in outputs:
            labels = _texts(outputs["classes"].ravel().tolist())
        scores = [b"0.0"] * some.size
        if "scores" in outputs:
            scores = floats(outputs["scores"].ravel())
        pairs = [b"[%b, %b]" % pair for pair in zip(labels, scores, strict=True)]
        return [_grouped(pairs, some.shape)]

    def body(self, cells: Cells, rows: slice, signature: Signature) -> bytes:  # noqa: ARG002
        """The answer for some of the examples."""
        return b'{\n    "results": [' + b", ".join(cells[0][rows]) + b"\n    ]\n}"


class Values:
    """{"results": [number, ...]} from the output "outputs" of a regression."""

    def cells(self, outputs: Outputs, signature: Signature) -> Cells:  # noqa: ARG002
        """The JSON of each example; the output was checked before."""
        return [floats(outputs["outputs"].ravel())]

    def body(self, cells: Cells, rows: slice, signature: Signature) -> bytes:  # noqa: ARG002
        """The answer for some of the examples."""
        return b'{\n    "results": [' + b", ".join(cells[0][rows]) + b"]\n}"


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


@lru_cache(maxsize=256)
def _keys(names: tuple[str, ...]) -> tuple[bytes, ...]:
    """What stands before each value of a row; before the first one, also what ends the row before."""
    starts = [_BETWEEN_ROWS + b"        {\n", *[b",\n"] * (len(names) - 1)]
    return tuple(b"%b            %b: " % (start, _text(name)) for start, name in zip(starts, names, strict=True))


def _cells(value: NDArray[Any], name: str, spec: TensorSpec, *, level: int) -> list[bytes]:
    """One text for each row, lists in one line."""
    # A bytes object in a list is indented by the lists around it, even where those are in one line.
    scalars = _scalars(value, name, spec, level + value.ndim - 1)
    return scalars if value.ndim == 1 else _grouped(scalars, value.shape)


def _grouped(texts: list[bytes], shape: tuple[int, ...]) -> list[bytes]:
    for axis in range(len(shape) - 1, 0, -1):
        size = shape[axis]
        groups = math.prod(shape[:axis])
        texts = [b"[" + b", ".join(texts[at * size : (at + 1) * size]) + b"]" for at in range(groups)]
    return texts


def _nested(value: NDArray[Any], name: str, spec: TensorSpec, *, level: int) -> bytes:
    """The whole tensor, one element a line."""
    texts = _scalars(value, name, spec, level + value.ndim)
    for axis in range(value.ndim - 1, -1, -1):
        size = value.shape[axis]
        indent, outdent = b"    " * (level + axis + 1), b"    " * (level + axis)
        groups = math.prod(value.shape[:axis])
        if size == 0:
            texts = [b"[]"] * groups
            continue
        separator = b",\n" + indent
        rows = [separator.join(texts[at * size : (at + 1) * size]) for at in range(groups)]
        texts = [b"[\n%b%b\n%b]" % (indent, row, outdent) for row in rows]
    return texts[0]


def _scalars(value: NDArray[Any], name: str, spec: TensorSpec, level: int) -> list[bytes]:
    flat = value.ravel()
    if not flat.size:
        return []  # of any type
    if spec.dtype in ("float", "double"):
        return floats(flat)
    if spec.dtype in _INTEGERS:
        return list(map(b"%d".__mod__, flat.tolist()))
    if spec.dtype == "bool":
        return [b"true" if scalar else b"false" for scalar in flat.tolist()]
    if spec.dtype == "string":
        if name.endswith("_bytes"):
            return [base64_object(scalar, level).encode() for scalar in flat.tolist()]
        return _texts(flat.tolist())
    raise invalid(f"Failed to write JSON value for tensor type: {spec.dtype}")


def _texts(scalars: list[Any]) -> list[bytes]:
    """Strings as JSON; most models have few different ones."""
    known = {scalar: _text(scalar) for scalar in set(scalars)}
    return [known[scalar] for scalar in scalars]


def _text(scalar: Any) -> bytes:
    text = scalar.decode("utf-8", "surrogateescape") if isinstance(scalar, bytes) else str(scalar)
    return literal(text).encode("utf-8", "surrogateescape")
