"""A text for a parser that wants UTF-8 and, while it is at work, lets no other thread run.

TensorFlow Serving hands bytes that are not UTF-8 on as they are. Here each becomes a private character that the text
does not use, and afterwards a surrogate escape, which is how Python holds such a byte in a str.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from serving.errors import invalid

PIECE_BYTES = 32 << 10
"""The parser takes about a millisecond for so many."""
_BLOCK = 0x1000
_PRIVATE = range(0xF0000, 0x110000, _BLOCK)
"""Where blocks of private characters begin; in UTF-8 those of one block share their first two bytes."""


class JsonSource:
    """A text without its byte order mark, which can be read like a file.

    Args:
        text: what was sent.
        still_wanted: called before each piece; what it raises ends the work.

    Attributes:
        whole: all of it, when it is short and valid UTF-8; else it must be read.

    Raises:
        StatusError: INVALID_ARGUMENT, some bytes are not UTF-8, and no character is left to stand for them.
    """

    def __init__(self, text: bytes, still_wanted: Callable[[], object]) -> None:
        self._mark_bytes = _mark_bytes(text)
        self._text = text = text[self._mark_bytes :]
        self._still_wanted = still_wanted
        self._at = 0
        self._there: dict[int, int] = {}
        try:
            text.decode()
        except UnicodeDecodeError:
            first = next((first for first in _PRIVATE if not _is_used(first, text)), None)
            if first is None:
                raise invalid(
                    "JSON Parse error: Bytes that are not UTF-8 beside private characters of all kinds."
                ) from None
            self._there = {0xDC80 + index: first + index for index in range(128)}
        self._back = {character: escape for escape, character in self._there.items()}
        is_short = len(text) <= PIECE_BYTES and not self._there
        self.whole = text if is_short else None
        still_wanted()

    def read(self, size: int) -> bytes:
        """The next bytes, about so many; none at the end."""
        self._still_wanted()
        piece = self._piece(self._at, size)
        self._at += len(piece)
        return self._valid(piece)

    def place(self, offset: int) -> int:
        """The offset in the text that was sent of what was read at an offset."""
        if not self._there:
            return self._mark_bytes + offset
        start = 0
        while True:
            self._still_wanted()
            piece = self._piece(start, PIECE_BYTES)
            valid = self._valid(piece)
            if offset <= len(valid):
                before = valid[:offset].decode("utf-8", "ignore").translate(self._back)
                return self._mark_bytes + start + len(before.encode("utf-8", "surrogateescape"))
            start, offset = start + len(piece), offset - len(valid)

    def original(self, parsed: Any) -> Any:
        """What was parsed, with surrogate escapes for the bytes that were not UTF-8."""
        if not self._there:
            return parsed
        if isinstance(parsed, str):
            return self._original(parsed)
        if type(parsed) is list:
            return [self.original(element) for element in parsed]
        if isinstance(parsed, list):  # an object, as pairs
            return type(parsed)((self._original(key), self.original(value)) for key, value in parsed)
        return parsed

    def _original(self, text: str) -> str:
        pieces = (text[at : at + PIECE_BYTES] for at in range(0, len(text), PIECE_BYTES))
        return "".join([piece.translate(self._back) for piece in pieces])

    def _piece(self, start: int, size: int) -> bytes:
        """Bytes of the text that end before a character, not within."""
        text, end = self._text, start + size
        if end < len(text):
            end = next((at for at in range(end, end - 4, -1) if text[at] & 0xC0 != 0x80), end)
        return text[start:end]

    def _valid(self, piece: bytes) -> bytes:
        if not self._there:
            return piece
        return piece.decode("utf-8", "surrogateescape").translate(self._there).encode()


def _mark_bytes(text: bytes) -> int:
    """The length of a byte order mark; RapidJSON takes parts of one too."""
    length = 0
    for byte in b"\xef\xbb\xbf":
        length += text.startswith(bytes([byte]), length)
    return length


def _is_used(first: int, text: bytes) -> bool:
    """Whether the text has a character of a block, written as UTF-8 or as an escape."""
    high = 0xD800 + ((first - 0x10000) >> 10)
    escapes = b"|".join(b"%x" % surrogate for surrogate in range(high, high + 4))
    return chr(first).encode()[:2] in text or re.search(rb"\\u(?:" + escapes + rb")", text, re.IGNORECASE) is not None
