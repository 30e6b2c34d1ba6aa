"""The fast way in: a request that is plainly right becomes columns with a few passes at C speed.

Everything here either gives the same columns as the exact rules or gives up (None); then the exact rules decide, and
word the error. So the exact rules stay readable and the usual request stays fast.
"""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

from serving.codecs.tensors import INTEGER_RANGES, MOST_DIMENSIONS, Column, decode_base64, is_base64
from serving.errors import StatusError
from serving.models.signatures import Signature

# For so many a fast parser takes a tenth of a second in which nothing else runs. Customers have one in 150 bytes.
_MOST_CONTAINERS = 500_000


class _GiveUpError(ValueError):
    """The text needs the exact parser."""


def decode(text: bytes) -> dict[str, Any] | None:
    """The JSON object of a request, of repeated keys the last ones; None for anything unusual."""
    if len(text) > _MOST_CONTAINERS and text.count(b"[") + text.count(b"{") > _MOST_CONTAINERS:
        return None
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return document if type(document) is dict else None


def decode_with_nan(text: bytes) -> dict[str, Any] | None:
    """The JSON object of a request that may hold NaN and repeats no key; None for anything else.

    A bare NaN is how a missing number is sent. The standard library takes it, at a fraction of the speed of `decode`.
    """
    if b"NaN" not in text or b"\\u" in text:  # its escapes are laxer than ours
        return None
    try:
        document = json.loads(text.decode(), object_pairs_hook=_unique, parse_float=_finite, parse_int=_of_64_bits)
    except (ValueError, RecursionError):
        return None
    return document if type(document) is dict else None


def repeats_keys(text: bytes) -> bool:
    """Whether an object of the text has the same key twice."""
    try:
        json.loads(text.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return True
    return False


def rows(document: dict[str, Any], signature: Signature) -> tuple[dict[str, Column], int] | None:
    """Columns from {"instances": [...]}, and how many keys the text must have if none is repeated; None: unusual."""
    instances = document.get("instances")
    if type(instances) is not list or not instances or "inputs" in document:
        return None
    count = len(instances)
    columns: dict[str, Column] = {}
    keys = len(document)
    if type(instances[0]) is dict and not is_base64(instances[0]):
        if set(map(type, instances)) != {dict} or set(map(len, instances)) != {len(signature.inputs)}:
            return None
        keys += count * len(signature.inputs)
        try:
            named = [(name, [instance[name] for instance in instances]) for name in signature.inputs]
        except KeyError:
            return None
    elif len(signature.inputs) == 1:
        named = [(name, instances) for name in signature.inputs]
    else:
        return None
    for name, values in named:
        taken = _take(values, signature.inputs[name].dtype)
        if taken is None:
            return None
        flat, inner, objects = taken
        columns[name] = Column(flat, (count, *inner))
        keys += objects
    return columns, keys


def columns(document: dict[str, Any], signature: Signature) -> tuple[dict[str, Column], int] | None:
    """Columns from {"inputs": {...}}, as `rows` does."""
    inputs = document.get("inputs")
    if type(inputs) is not dict or "instances" in document or is_base64(inputs):
        return None
    found: dict[str, Column] = {}
    keys = len(document) + len(inputs)
    for name, spec in signature.inputs.items():
        taken = _take([inputs[name]], spec.dtype) if name in inputs else None
        if taken is None:
            return None
        flat, inner, objects = taken
        found[name] = Column(flat, inner)
        keys += objects
    return found, keys


def _take(values: list[Any], dtype: str) -> tuple[list[Any], tuple[int, ...], int] | None:
    """Flattens equally nested lists: the scalars, the shape of each element, and how many base64 objects there were."""
    inner: tuple[int, ...] = ()
    kinds = set(map(type, values))
    while kinds == {list}:
        if len(inner) >= MOST_DIMENSIONS:
            return None
        lengths = set(map(len, values))
        if len(lengths) != 1:
            return None
        inner = (*inner, *lengths)
        values = [scalar for value in values for scalar in value]
        kinds = set(map(type, values))
        if not values:
            break
    if dtype in ("float", "double"):
        return (values, inner, 0) if kinds <= {float, int} else None
    if dtype == "string":
        return (values, inner, 0) if kinds <= {str} else _take_bytes(values, kinds, inner)
    if dtype == "bool":
        return (values, inner, 0) if kinds <= {bool} else None
    if dtype in INTEGER_RANGES and kinds <= {int}:
        low, high = INTEGER_RANGES[dtype]
        if not values or (low <= min(values) and max(values) <= high):
            return values, inner, 0
    return None


def _take_bytes(
    values: list[Any], kinds: set[type[Any]], inner: tuple[int, ...]
) -> tuple[list[Any], tuple[int, ...], int] | None:
    if not kinds <= {str, dict}:
        return None
    try:
        texts = [decode_base64(value) if type(value) is dict else value for value in values]
    except StatusError:
        return None
    return texts, inner, sum(type(value) is dict for value in values)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _GiveUpError
    return found


def _of_64_bits(text: str) -> int:
    value = int(text)
    if not -(1 << 63) <= value < 1 << 64:
        raise _GiveUpError
    return value


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _GiveUpError
    return value
