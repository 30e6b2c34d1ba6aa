"""JSON by the same grammar, and with the same complaints, as TensorFlow Serving's parser (RapidJSON).

It differs from the standard in what it accepts (NaN, Inf, Infinity and their negatives; anything after the first
value; a byte order mark; bytes that are not UTF-8; repeated keys), it does not always choose the double nearest to a
number, and it names the byte where it stopped. `rapidjson` wraps that very parser; what the wrapper refuses of it is
made up for here. Source: rapidjson/reader.h, flags kParseNanAndInfFlag and kParseStopWhenDoneFlag.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import rapidjson

from serving.codecs.json_source import PIECE_BYTES, JsonSource
from serving.errors import StatusError, invalid

_DEEPEST = 200
_COMPLAINT = re.compile(r"Parse error at offset (\d+): (.*)", re.DOTALL)
_MORE_BEHIND = "The document root must not be followed by other values."
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{\]}]', re.DOTALL)


class JsonObject(list[tuple[str, Any]]):
    """A JSON object as it was written: pairs of key and value in the order of the text, repeated keys included."""

    __slots__ = ()

    def find(self, key: str) -> tuple[bool, Any]:
        """Whether the key is there, and the value of its first occurrence."""
        for name, value in self:
            if name == key:
                return True, value
        return False, None


class _Decoder(rapidjson.Decoder):
    start_object = JsonObject


_decode = _Decoder(number_mode=rapidjson.NM_NATIVE | rapidjson.NM_NAN)


def parse(text: bytes, still_wanted: Callable[[], object] = bool) -> Any:
    """The first JSON value of a text.

    Args:
        text: what was sent.
        still_wanted: called often; may raise to stop a long work that nobody waits for any more.

    Returns:
        None, bool, int (fits 64 bits), float, str (bytes that are not UTF-8 as surrogate escapes), list or JsonObject.

    Raises:
        StatusError: INVALID_ARGUMENT with RapidJSON's message and the byte offset.
    """
    if not text:
        raise invalid("JSON Parse error: The document is empty")
    source = JsonSource(text, still_wanted)
    given: Any = source if source.whole is None else source.whole
    try:
        document = _decode(given, chunk_size=PIECE_BYTES)
    except rapidjson.JSONDecodeError as error:
        offset, complaint = _COMPLAINT.fullmatch(str(error)).groups()  # type: ignore[union-attr]
        place = source.place(int(offset))
        if complaint == _MORE_BEHIND:  # the original does not look at it
            return parse(text[:place], still_wanted)
        raise _parse_error(complaint, place) from None
    except RecursionError:  # the wrapper's own limit is higher than ours
        raise _too_deep(text) from None
    if text.count(b"[") + text.count(b"{") > _DEEPEST and _is_deep(document, still_wanted):
        raise _too_deep(text)
    return source.original(document)


def _parse_error(complaint: str, place: int) -> StatusError:
    return invalid(f"JSON Parse error: {complaint} at offset: {place}")


def _is_deep(document: Any, still_wanted: Callable[[], object]) -> bool:
    """Whether lists and objects are nested more deeply than anything here is made for."""
    level = [document]
    for _ in range(_DEEPEST):
        still_wanted()
        inner: list[Any] = []
        for value in level:
            members = (member for _, member in value) if type(value) is JsonObject else value
            inner += [member for member in members if isinstance(member, list)]
        if not inner:
            return False
        level = inner
    return True


def _too_deep(text: bytes) -> StatusError:
    """The complaint about the first bracket that is one too many; the original recurses until its stack ends."""
    depth, place = 0, 0
    for token in _TOKENS.finditer(text):
        lead = token.group()[:1]
        depth += 1 if lead in b"[{" else -1 if lead in b"]}" else 0
        if depth > _DEEPEST:
            place = token.start()
            break
    return _parse_error("Nested too deeply.", place)
