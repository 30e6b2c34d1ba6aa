"""Turns one JSON value into a tensor by the rules, and with the error texts, of TensorFlow Serving.

Source of the rules: FillTensorProto, AddValueToTensor and JsonDecodeBase64Object in
tensorflow_serving/util/json_tensor.cc.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

from serving.codecs.json_parser import JsonObject
from serving.codecs.json_text import json_type, spelled
from serving.errors import StatusError, invalid

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
