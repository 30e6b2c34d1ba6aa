"""Rows of scalars, {"instances": [{"Age": 22, ...}, ...]}, read straight into a type that is made for the signature.

This is how customers are sent. The parser checks the types and the names while it reads, so that nothing has to be
looked at once more, and makes no dictionaries.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from serving.codecs.fast.colons import repeats_keys
from serving.codecs.fast.document import MOST_CONTAINERS
from serving.codecs.inputs import Inputs
from serving.models.signatures import DEFAULT_SIGNATURE, Signature

_TYPES: dict[str, type[Any]] = {"float": float, "string": str, "bool": bool}
_NAN, _NULL = re.compile(rb"NaN"), re.compile(rb"null")
_cells = msgspec.structs.astuple


class _Decoders(NamedTuple):
    """The parsers for a signature.

    Attributes:
        strict: For requests without missing numbers.
        lenient: For requests in which null stands for a missing number.
        numbers: The places of the inputs that are numbers.
    """

    strict: msgspec.json.Decoder[Any]
    lenient: msgspec.json.Decoder[Any]
    numbers: tuple[int, ...]


def decode(text: bytes, signature: Signature) -> Inputs | None:
    """The inputs for a signature that is the default one; None for anything but rows of scalars.

    A bare NaN is how a missing number is sent, though it is not JSON. It is read as null, which the text must not have
    of its own. When as many None turn up as there were NaN, every NaN was a bare one, and none part of a string.
    """
    decoders = _decoders(signature)
    if decoders is None or (len(text) > MOST_CONTAINERS and text.count(b"{") > MOST_CONTAINERS):
        return None
    nans = 0
    try:
        request = decoders.strict.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Regular expressions: they look for three letters in a long text three times as fast as the methods of bytes.
        if _NAN.search(text) is None or _NULL.search(text) is not None:
            return None
        text, nans = _NAN.subn(b"null", text)
        try:
            request = decoders.lenient.decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
    rows = request.instances
    named = bool(request.signature_name)
    if not rows or (named and request.signature_name != DEFAULT_SIGNATURE):
        return None
    columns = tuple(zip(*map(_cells, rows), strict=True))
    if nans and sum(len([cell for cell in columns[place] if cell is None]) for place in decoders.numbers) != nans:
        return None
    if repeats_keys(text, 1 + named + len(rows) * len(columns)):
        return None
    return Inputs(columns, signature.scalar_rows, len(rows))


@lru_cache(maxsize=64)
def _decoders(signature: Signature) -> _Decoders | None:
    """None when the signature has inputs of other types, or names that a type's fields cannot have."""
    if not signature.inputs or any(spec.dtype not in _TYPES for spec in signature.inputs.values()):
        return None
    if "b64" in signature.inputs or not signature.can_be_named:  # {"b64": ...} is not a row, but bytes
        return None
    try:
        numbers = tuple(place for place, spec in enumerate(signature.inputs.values()) if _TYPES[spec.dtype] is float)
        return _Decoders(_decoder(signature, lenient=False), _decoder(signature, lenient=True), numbers)
    except ValueError:  # a name with a quotation mark, a backslash or a control character
        return None


def _decoder(signature: Signature, *, lenient: bool) -> msgspec.json.Decoder[Any]:
    fields: list[tuple[str, Any]] = []
    for number, spec in enumerate(signature.inputs.values()):
        kind = _TYPES[spec.dtype]
        fields.append((f"input_{number}", kind | None if lenient and kind is float else kind))
    names = {field: name for (field, _), name in zip(fields, signature.inputs, strict=True)}
    # Rows hold no references to one another, so the garbage collector need not know of them.
    row: Any = msgspec.defstruct("Row", fields, rename=names, forbid_unknown_fields=True, gc=False)
    request = msgspec.defstruct(
        "Request",
        [("instances", list[row]), ("signature_name", str, "")],
        forbid_unknown_fields=True,
        gc=False,
    )
    return msgspec.json.Decoder(request)
