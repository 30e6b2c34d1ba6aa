"""Spells JSON values in error messages as TensorFlow Serving does: indented by four, lists in one line, cut short."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

from serving.codecs.json_parser import JsonObject
from serving.codecs.number_format import debug

_LONGEST = 256
_LONGEST_KEPT = 64
_SPECIAL = re.compile(r'["\\\x00-\x1f]')
_RARE = re.compile(r"[\x0b\x0e\x0f\x1a-\x1f]")
_ESCAPED = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def literal(text: str) -> str:
    """A JSON string literal with RapidJSON's escapes (control characters only, in upper-case hex)."""
    return _kept(text) if len(text) <= _LONGEST_KEPT else _literal(text)


def _literal(text: str) -> str:
    # Python's own encoder is written in C, but spells some control characters with small letters.
    if _RARE.search(text) is None:
        return encode_basestring(text)
    return f'"{_SPECIAL.sub(_escape, text)}"'


_kept = lru_cache(maxsize=4096)(_literal)  # names and labels, over and over again


def base64_object(data: bytes, level: int) -> str:
    """The JSON object TensorFlow Serving writes for bytes, indented for its depth (the number of open brackets)."""
    encoded = base64.b64encode(data).decode("ascii")
    return f'{{\n{"    " * (level + 1)}"b64": "{encoded}"\n{"    " * level}}}'


def json_type(value: object) -> str:
    """RapidJSON's word for the type of a value."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, (int, float)):
        return "Number"
    if isinstance(value, str):
        return "String"
    return "Array" if type(value) is list else "Object"


def spelled(value: object) -> str:
    """The value as text; it ends after the first token that reaches 256 bytes."""
    written: list[str] = []
    size = 0
    for token in _tokens(value, 0):
        written.append(token)
        size += len(token.encode("utf-8", "surrogateescape"))
        if size >= _LONGEST:
            break
    return "".join(written)


def _tokens(value: Any, level: int) -> Iterable[str]:
    """The value token by token; what separates a token from the one before comes with it, as it counts together."""
    if isinstance(value, (JsonObject, dict)):
        pairs = value if isinstance(value, JsonObject) else list(value.items())
        yield "{"
        for index, (key, member) in enumerate(pairs):
            yield f"{',' if index else ''}\n{'    ' * (level + 1)}{literal(key)}"
            yield from _behind(": ", _tokens(member, level + 1))
        yield f"\n{'    ' * level}}}" if pairs else "}"
    elif isinstance(value, list):
        yield "["
        for index, element in enumerate(value):
            yield from _behind(", " if index else "", _tokens(element, level + 1))
        yield "]"
    elif isinstance(value, str):
        yield literal(value)
    elif isinstance(value, float):
        yield debug(value)
    elif value is None:
        yield "null"
    else:
        yield str(value).lower() if isinstance(value, bool) else str(value)


def _behind(separator: str, tokens: Iterable[str]) -> Iterable[str]:
    for index, token in enumerate(tokens):
        yield separator + token if index == 0 else token


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    return _ESCAPED.get(character) or f"\\u{ord(character):04X}"
