"""Requests in any of the usual forms: rows or columns, scalars or lists, text or base64."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
import rapidjson

from serving.codecs.fast.colons import repeats_keys
from serving.codecs.inputs import MOST_DIMENSIONS, Inputs
from serving.codecs.tensors import INTEGER_RANGES, decode_base64, is_base64
from serving.errors import StatusError
from serving.models.signatures import Signature

MOST_CONTAINERS = 500_000
"""For so many a fast parser takes some tenths of a second, in which nothing else runs. Customers have 1 in 150 B."""
_MOST_BYTES_AT_ONCE = 64 << 10
_NUMBERS = frozenset({float, int})
_NUMBERS_OR_NOTHING = frozenset({float, int, type(None)})
_TEXTS = frozenset({str})
_BOOLS = frozenset({bool})


class Document(NamedTuple):
    """The JSON object of a request.

    Attributes:
        members: what it holds; of repeated keys the last ones.
        nans: how many None must stand among its numbers, each for a NaN.
        exact: whether its numbers are the doubles that RapidJSON makes of them.
    """

    members: dict[str, Any]
    nans: int = 0
    exact: bool = False


def decode(text: bytes) -> Document | None:
    """The JSON object of a request; None for anything unusual.

    A bare NaN is how a missing number is sent, though it is not JSON. It is read as null, which the text must not have
    of its own. When as many None turn up among the numbers, every NaN was a bare one, and none part of a string.
    """
    if len(text) > MOST_CONTAINERS and text.count(b"[") + text.count(b"{") > MOST_CONTAINERS:
        return None
    nans = 0
    if b"NaN" in text:
        if b"null" in text:
            return None
        nans = text.count(b"NaN")
        text = text.replace(b"NaN", b"null")
    try:
        members = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return Document(members, nans) if type(members) is dict else None


def decode_by_rapidjson(text: bytes) -> Document | None:
    """The same at half the speed, with infinite numbers, and with doubles as TensorFlow Serving reads them.

    RapidJSON rounds one number in ten of 17 digits to a neighbour of the nearest double.
    """
    if len(text) > _MOST_BYTES_AT_ONCE:
        return None
    try:
        members = _decode_by_rapidjson(text)
    except (ValueError, RecursionError):
        return None
    return Document(members, exact=True) if type(members) is dict else None


_decode_by_rapidjson = rapidjson.Decoder(number_mode=rapidjson.NM_NATIVE | rapidjson.NM_NAN)


def inputs(text: bytes, document: Document, signature: Signature) -> Inputs | None:
    """The inputs for a signature, from rows or from columns; None for anything unusual.

    Args:
        text: what was sent.
        document: what was made of it.
        signature: what is called.
    """
    members = document.members
    by_row = "instances" in members
    if by_row == ("inputs" in members) or not signature.can_be_named:
        return None
    if not (document.exact or signature.single_precision):
        return None
    taken = _by_row(document, signature) if by_row else _by_column(document, signature)
    if taken is None or repeats_keys(text, len(members) + taken[1]):
        return None
    return taken[0]


def _by_row(document: Document, signature: Signature) -> tuple[Inputs, int] | None:
    """Inputs from {"instances": [...]}, and how many keys there are in the list."""
    instances = document.members["instances"]
    if type(instances) is not list or not instances:
        return None
    count, width = len(instances), len(signature.inputs)
    if type(instances[0]) is not dict or is_base64(instances[0]):
        if width != 1:
            return None
        taken = _take([instances], signature, document.nans)
        return taken and (Inputs(taken[0], taken[1], count), taken[2])
    try:
        # Nothing but a dictionary can be asked for a name; whatever else there is among the rows ends here.
        if set(map(len, instances)) != {width}:
            return None
        columns = list(zip(*map(signature.values_of, instances), strict=True))
    except (KeyError, TypeError, IndexError):
        return None
    taken = _take(columns, signature, document.nans)
    if taken is None:
        return None
    values, inner, objects = taken
    return Inputs(values, inner, count), count * width + objects


def _by_column(document: Document, signature: Signature) -> tuple[Inputs, int] | None:
    """Inputs from {"inputs": {...}}, and how many keys there are in the object."""
    given = document.members["inputs"]
    if type(given) is not dict or is_base64(given):
        return None
    try:
        columns = [[given[name]] for name in signature.inputs]
    except KeyError:
        return None
    taken = _take(columns, signature, document.nans)
    return taken and (Inputs(taken[0], taken[1], None), len(given) + taken[2])


Taken = tuple[Sequence[Any], tuple[int, ...], int, int]


def _take(
    columns: Sequence[Sequence[Any]], signature: Signature, nans: int
) -> tuple[list[Sequence[Any]], tuple[tuple[int, ...], ...], int] | None:
    """The scalars of each input, the shape of its elements, and how many base64 objects there were."""
    all_values, shapes, objects, missing = [], [], 0, 0
    for values, spec in zip(columns, signature.inputs.values(), strict=True):
        taken = _scalars(values, spec.dtype)
        if taken is None:
            return None
        values, inner, some_objects, some_missing = taken
        all_values.append(values)
        shapes.append(inner)
        objects += some_objects
        missing += some_missing
    if missing != nans:
        return None
    return all_values, tuple(shapes), objects


def _scalars(values: Sequence[Any], dtype: str) -> Taken | None:
    """Equally nested lists, flat: the scalars, the shape of each list, how many were base64 objects, how many None."""
    if dtype == "string":
        try:
            "".join(values)
            return values, (), 0, 0
        except TypeError:
            pass
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
        if kinds <= _NUMBERS:
            return values, inner, 0, 0
        return (values, inner, 0, values.count(None)) if kinds <= _NUMBERS_OR_NOTHING else None
    if dtype == "string":
        return (values, inner, 0, 0) if kinds <= _TEXTS else _with_bytes(values, kinds, inner)
    if dtype == "bool":
        return (values, inner, 0, 0) if kinds <= _BOOLS else None
    if dtype in INTEGER_RANGES and kinds <= {int}:
        low, high = INTEGER_RANGES[dtype]
        if not values or (low <= min(values) and max(values) <= high):
            return values, inner, 0, 0
    return None


def _with_bytes(values: Sequence[Any], kinds: set[type[Any]], inner: tuple[int, ...]) -> Taken | None:
    if not kinds <= {str, dict}:
        return None
    try:
        texts = [decode_base64(value) if type(value) is dict else value for value in values]
    except StatusError:
        return None
    return texts, inner, sum(type(value) is dict for value in values), 0
