"""Turns one JSON value into a tensor by the rules, and with the error texts, of TensorFlow Serving.

Source of the rules: FillTensorProto, AddValueToTensor and JsonDecodeBase64Object in
tensorflow_serving/util/json_tensor.cc.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.codecs.json_parser import JsonObject
from serving.codecs.json_text import json_type, spelled
from serving.errors import StatusError, invalid
from serving.models.signatures import SMALL_INTEGERS, Signature, TensorSpec

INTEGER_RANGES = {
    # JSON integers for the small types only have to fit 32 bits; what does not fit the type wraps around.
    "int8": (-(1 << 31), (1 << 31) - 1),
    "int16": (-(1 << 31), (1 << 31) - 1),
    "uint8": (-(1 << 31), (1 << 31) - 1),
    "int32": (-(1 << 31), (1 << 31) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
    "uint32": (0, (1 << 32) - 1),
    "uint64": (0, (1 << 64) - 1),
}
MOST_DIMENSIONS = 32
"""NumPy's limit, in all its versions. TensorFlow's is 254."""
_BLOCK = 1024
_SPACES = re.compile(r"[ \t\n\v\f\r]")


class Column(NamedTuple):
    """All values for one input.

    Attributes:
        values: the values in row-major order: float, int, bool, or text as str or bytes.
        shape: the shape of the tensor.
    """

    values: Sequence[Any]
    shape: tuple[int, ...]


class Inputs(NamedTuple):
    """What one request gives for the inputs of a signature, not yet arrays, so that requests can be joined cheaply.

    Attributes:
        values: for each input, in the signature's order, its values in row-major order: float, int, bool, text as str
            or bytes, or None for a number that is NaN.
        shapes: for each input the shape of one row; when there are no rows, of the whole tensor.
        rows: how many rows there are; None when the request gives whole tensors.
    """

    values: Sequence[Sequence[Any]]
    shapes: tuple[tuple[int, ...], ...]
    rows: int | None

    @classmethod
    def of_columns(cls, columns: Mapping[str, Column], signature: Signature, *, by_row: bool) -> Inputs:
        """The same from a column for each input; of rows they all have as many."""
        ordered = [columns[name] for name in signature.inputs]
        values = [column.values for column in ordered]
        if not by_row:
            return cls(values, tuple(column.shape for column in ordered), None)
        return cls(values, tuple(column.shape[1:] for column in ordered), ordered[0].shape[0])


def arrays(requests: Sequence[Inputs], signature: Signature) -> dict[str, NDArray[Any]]:
    """One array for each input, with the rows of all requests one below the other.

    Args:
        requests: requests that agree in `shapes`; without rows, just one.
        signature: what is called.

    Raises:
        StatusError: INVALID_ARGUMENT, a tensor has more dimensions than NumPy can hold.
    """
    first = requests[0]
    # What does not fit a float becomes infinite, as in C++, without a word.
    with np.errstate(over="ignore", invalid="ignore"):
        if first.rows is not None and first.shapes == signature.scalar_rows and signature.inputs_by_type:
            return _scalar_arrays(requests, signature)
        joined: Iterable[Sequence[Any]] = first.values
        leading: tuple[int, ...] = () if first.rows is None else (first.rows,)
        if len(requests) > 1:
            joined = (list(chain.from_iterable(parts)) for parts in zip(*[one.values for one in requests], strict=True))
            leading = (sum(one.rows or 0 for one in requests),)
        named = zip(signature.inputs.items(), joined, first.shapes, strict=True)
        return {name: _array(values, spec, (*leading, *shape)) for (name, spec), values, shape in named}


def _scalar_arrays(requests: Sequence[Inputs], signature: Signature) -> dict[str, NDArray[Any]]:
    """The same for rows of scalars: all inputs of a type are filled in one pass, and each is a row of one block."""
    rows = sum(request.rows or 0 for request in requests)
    found: dict[str, NDArray[Any]] = {}
    for dtype, inputs in signature.inputs_by_type:
        values = chain.from_iterable([request.values[at] for _, at in inputs for request in requests])
        block = np.fromiter(values, dtype, len(inputs) * rows).reshape(len(inputs), rows)
        for (name, _), column in zip(inputs, block, strict=True):
            found[name] = column
    return found


def _array(values: Sequence[Any], spec: TensorSpec, shape: tuple[int, ...]) -> NDArray[Any]:
    if len(shape) > MOST_DIMENSIONS:
        raise invalid(f"Tensors of more than {MOST_DIMENSIONS} dimensions are not served; this one has {len(shape)}.")
    if spec.dtype in SMALL_INTEGERS:
        array = np.array(values, dtype=np.int64).astype(spec.numpy)
    else:
        array = np.array(values, dtype=spec.numpy)
    return array if len(shape) == 1 else array.reshape(shape)


def shape_of(value: object) -> tuple[int, ...]:
    """The shape a nested list seems to have, judged by its first elements."""
    shape: list[int] = []
    while type(value) is list:
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return tuple(shape)


def fill(value: object, dtype: str, shape: tuple[int, ...], values: list[Any], level: int = 0) -> int:
    """Appends the scalars of a nested list to `values` and returns how many there were.

    Raises:
        StatusError: a list is not as long or as deep as the shape says, or a scalar does not fit the type.
    """
    if type(value) is not list:
        if level != len(shape):
            raise invalid(
                f"JSON Value: {spelled(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {len(shape)}"
            )
        values.append(_scalar(value, dtype))
        return 1
    if level >= len(shape):
        raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    if len(value) < _BLOCK:
        return sum(fill(element, dtype, shape, values, level + 1) for element in value)
    before = len(values)
    for at in range(0, len(value), _BLOCK):
        block = value[at : at + _BLOCK]
        fitting = scalars(block, dtype, shape[level + 1 :])
        if fitting is None:  # something in the block is wrong; this says what
            for element in block:
                fill(element, dtype, shape, values, level + 1)
        else:
            values += fitting
    return len(values) - before


def scalars(elements: list[Any], dtype: str, shape: tuple[int, ...]) -> list[Any] | None:
    """The scalars of elements that all have one shape, in a few passes at C speed; None when one does not fit.

    Args:
        elements: scalars or nested lists.
        dtype: what the scalars must be.
        shape: the shape of each element.
    """
    for size in shape:
        if not elements:
            return elements
        if set(map(type, elements)) != {list} or set(map(len, elements)) != {size}:
            return None
        elements = list(chain.from_iterable(elements))
    kinds = set(map(type, elements))
    if dtype in ("float", "double"):
        fit = kinds <= {float, int}
    elif dtype in INTEGER_RANGES:
        low, high = INTEGER_RANGES[dtype]
        fit = kinds <= {int} and (not elements or (low <= min(elements) and max(elements) <= high))
    elif dtype == "string":
        if kinds <= {str}:
            return [element.encode("utf-8", "surrogateescape") for element in elements]
        try:
            return [_scalar(element, dtype) for element in elements]
        except StatusError:
            return None
    else:
        fit = kinds <= ({bool} if dtype == "bool" else set())
    return elements if fit else None


def is_base64(value: object) -> bool:
    """Whether the value is {"b64": "..."} and nothing more."""
    if isinstance(value, JsonObject):
        return len(value) == 1 and value[0][0] == "b64" and isinstance(value[0][1], str)
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def decode_base64(value: object) -> bytes:
    """The bytes in {"b64": "..."}; white space, missing padding and dots as padding are allowed.

    Raises:
        StatusError: not such an object, or not base64.
    """
    if not is_base64(value):
        raise invalid(f"JSON Value: {spelled(value)} not formatted correctly for base64 data")
    encoded = value[0][1] if isinstance(value, JsonObject) else value["b64"]  # type: ignore[index]
    if len(encoded) % 4 == 0 and not encoded.endswith("==="):
        try:
            return binascii.a2b_base64(encoded, strict_mode=True)
        except ValueError:
            pass  # wrong, or with white space
    text = _SPACES.sub("", encoded)
    bare = text.rstrip("=.")
    missing = -len(bare) % 4
    if len(text) - len(bare) not in (0, missing):
        raise invalid("Unable to base64 decode")
    try:
        return base64.b64decode(bare + "=" * missing, validate=True)
    except (binascii.Error, ValueError):
        raise invalid("Unable to base64 decode") from None


def _scalar(value: Any, dtype: str) -> Any:
    if isinstance(value, (JsonObject, dict)):
        if dtype == "string":
            return decode_base64(value)
        raise _type_error(value, dtype)
    kind = type(value)
    if dtype in ("float", "double"):
        fits = kind is int or kind is float
    elif dtype in INTEGER_RANGES:
        low, high = INTEGER_RANGES[dtype]
        fits = kind is int and low <= value <= high
    elif dtype == "bool":
        fits = kind is bool
    elif dtype == "string":
        fits = kind is str
        value = value.encode("utf-8", "surrogateescape") if fits else value
    else:
        raise StatusError("UNIMPLEMENTED", f"Conversion of JSON Value: {spelled(value)} to type: {dtype}")
    if not fits:
        raise _type_error(value, dtype)
    return value


def _type_error(value: object, dtype: str) -> StatusError:
    return invalid(f"JSON Value: {spelled(value)} Type: {json_type(value)} is not of expected type: {dtype}")


def trimmed(values: list[Any], shape: tuple[int, ...]) -> Column:
    """A column of exactly the values its shape has room for.

    An object that repeats a key adds more values than rows; TensorFlow takes the first ones.
    """
    return Column(values[: math.prod(shape)], shape)
