"""Reads JSON by the same grammar, and with the same complaints, as TensorFlow Serving's parser (RapidJSON).

It differs from the standard in what it accepts (NaN, Inf, Infinity and their negatives; anything after the first
value; a byte order mark; bytes that are not UTF-8; repeated keys) and it names the byte where it stopped. Only
requests that a fast parser refuses, or that turn out to be wrong, come here.
Source of the grammar: rapidjson/reader.h, flags kParseNanAndInfFlag and kParseStopWhenDoneFlag.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from serving.codecs.rapidjson_numbers import consume, number, parse_error
from serving.errors import invalid

_SPACE = re.compile(rb"[ \n\r\t]*")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_HEX = re.compile(rb"[0-9A-Fa-f]{4}")
_ESCAPES = {
    ord(k): v
    for k, v in {'"': b'"', "\\": b"\\", "/": b"/", "b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t"}.items()
}
_WORDS: dict[int, tuple[bytes, object]] = {
    ord("n"): (b"null", None),
    ord("t"): (b"true", True),
    ord("f"): (b"false", False),
}
_DEEPEST = 200


class Members:
    """A JSON object as it was written: order and repeated keys are kept.

    Attributes:
        pairs: key and value, in the order of the text.
    """

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs

    def find(self, key: str) -> tuple[bool, Any]:
        """Whether the key is there, and the value of its first occurrence."""
        for name, value in self.pairs:
            if name == key:
                return True, value
        return False, None


def parse(text: bytes, still_wanted: Callable[[], object] = bool) -> Any:
    """The first JSON value of the text.

    Args:
        text: what was sent.
        still_wanted: called before each value; may raise to stop a long work that nobody waits for any more.

    Returns:
        None, bool, int (fits 64 bits), float, str (bytes that are not UTF-8 as surrogate escapes), list or Members.

    Raises:
        StatusError: INVALID_ARGUMENT with RapidJSON's message and the byte offset.
    """
    if not text:
        raise invalid("JSON Parse error: The document is empty")
    at = 0
    for mark in b"\xef\xbb\xbf":
        if at < len(text) and text[at] == mark:
            at += 1
    at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
    if at >= len(text) or text[at] == 0:
        raise parse_error("The document is empty.", at)
    return _Parser(text, still_wanted).value(at, 0)[0]


class _Parser:
    """Parses values of one text: each method takes the offset of one and returns it with the offset behind it."""

    def __init__(self, text: bytes, still_wanted: Callable[[], object]) -> None:
        self._text = text
        self._still_wanted = still_wanted

    def value(self, at: int, depth: int) -> tuple[Any, int]:
        self._still_wanted()
        text = self._text
        lead = text[at] if at < len(text) else 0
        if lead == 0x22:
            return _string(text, at)
        if lead == 0x7B:
            return self._object(at, depth + 1)
        if lead == 0x5B:
            return self._array(at, depth + 1)
        if lead in _WORDS:
            word, value = _WORDS[lead]
            return value, consume(text, at, word)
        return number(text, at)

    def _object(self, at: int, depth: int) -> tuple[Members, int]:
        text = self._text
        at = self._inside(at, depth)
        pairs: list[tuple[str, Any]] = []
        if text[at : at + 1] == b"}":
            return Members(pairs), at + 1
        while True:
            if text[at : at + 1] != b'"':
                raise parse_error("Missing a name for object member.", at)
            key, at = _string(text, at)
            at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
            if text[at : at + 1] != b":":
                raise parse_error("Missing a colon after a name of object member.", at)
            value, at = self.value(_SPACE.match(text, at + 1).end(), depth)  # type: ignore[union-attr]
            pairs.append((key, value))
            at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
            after = text[at : at + 1]
            if after == b"}":
                return Members(pairs), at + 1
            if after != b",":
                raise parse_error("Missing a comma or '}' after an object member.", at)
            at = _SPACE.match(text, at + 1).end()  # type: ignore[union-attr]

    def _array(self, at: int, depth: int) -> tuple[list[Any], int]:
        text = self._text
        at = self._inside(at, depth)
        values: list[Any] = []
        if text[at : at + 1] == b"]":
            return values, at + 1
        while True:
            value, at = self.value(at, depth)
            values.append(value)
            at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
            after = text[at : at + 1]
            if after == b"]":
                return values, at + 1
            if after != b",":
                raise parse_error("Missing a comma or ']' after an array element.", at)
            at = _SPACE.match(text, at + 1).end()  # type: ignore[union-attr]

    def _inside(self, at: int, depth: int) -> int:
        if depth > _DEEPEST:  # RapidJSON recurses until the stack ends, and the server with it
            raise parse_error("Nested too deeply.", at)
        return _SPACE.match(self._text, at + 1).end()  # type: ignore[union-attr]


def _string(text: bytes, at: int) -> tuple[str, int]:
    at += 1
    parts: list[bytes] = []
    while True:
        plain = _PLAIN.match(text, at)
        parts.append(plain.group())  # type: ignore[union-attr]
        at = plain.end()  # type: ignore[union-attr]
        stop = text[at] if at < len(text) else 0
        if stop == 0x22:
            return b"".join(parts).decode("utf-8", "surrogateescape"), at + 1
        if stop == 0x5C:
            part, at = _escape(text, at)
            parts.append(part)
        elif stop == 0:
            raise parse_error("Missing a closing quotation mark in string.", at)
        else:
            raise parse_error("Invalid encoding in string.", at)


def _escape(text: bytes, start: int) -> tuple[bytes, int]:
    kind = text[start + 1] if start + 1 < len(text) else 0
    if kind in _ESCAPES:
        return _ESCAPES[kind], start + 2
    if kind != 0x75:
        raise parse_error("Invalid escape character in string.", start)
    point, at = _hex(text, start + 2, start), start + 6
    if 0xD800 <= point <= 0xDFFF:
        if point > 0xDBFF or text[at : at + 2] != b"\\u":
            raise parse_error("The surrogate pair in string is invalid.", start)
        low, at = _hex(text, at + 2, start), at + 6
        if not 0xDC00 <= low <= 0xDFFF:
            raise parse_error("The surrogate pair in string is invalid.", start)
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00)
    return chr(point).encode(), at


def _hex(text: bytes, at: int, start: int) -> int:
    digits = _HEX.match(text, at)
    if digits is None:
        raise parse_error("Incorrect hex digit after \\u escape in string.", start)
    return int(digits.group(), 16)
