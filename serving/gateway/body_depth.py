"""How deep the JSON of a request body nests.

TensorFlow Serving's parser, RapidJSON, calls itself for each level, so a body of brackets crashes the server.

Strings and brackets are known here and nothing else. RapidJSON stops at the first error, and up to there both agree on
what is a string; so never fewer levels are counted than it enters. A bracket that closes nothing takes no level away;
and from a NUL byte on, which JSON has only in UTF-16 and UTF-32, each opening bracket counts, since there a quotation
mark or a closing bracket may be half of another character.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

import numpy as np

MOST_LEVELS = 100
"""How many levels may pass. A tensor has a handful of dimensions."""
_PIECE = 64 << 10
_MOST_MEMBERS = 16
_GZIP_MARK = b"\x1f\x8b"
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_OPENING = ord("[")
_AS_LISTS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(each for each in range(256) if each not in b"[]{}")


class BodyTooDeepError(Exception):
    """The JSON of a body nests deeper than `MOST_LEVELS`."""


class BodyTooLargeError(Exception):
    """A body is larger than allowed when it is inflated."""


class DepthCounter:
    """Counts how deep a JSON text nests, piece by piece."""

    def __init__(self) -> None:
        self._level = 0
        self._in_string = self._escaped = self._has_nul = False

    def feed(self, text: bytes) -> None:
        """Reads on.

        Raises:
            BodyTooDeepError: There were more than `MOST_LEVELS` levels.
        """
        if not self._has_nul:
            text, nul, rest = text.partition(b"\0")
            self._count(text)
            if not nul:
                return
            self._has_nul = True
            text = rest
        self._level += text.count(b"[") + text.count(b"{")
        self._check(self._level)

    def _count(self, text: bytes) -> None:
        if self._escaped and text:
            text, self._escaped = text[1:], False
        if b"\\" in text:
            text = _ESCAPED.sub(b"", text)
            self._escaped = text.endswith(b"\\")
        parts = text.split(b'"')
        outside = b"".join(parts[self._in_string :: 2])
        self._in_string ^= len(parts) % 2 == 0
        brackets = outside.translate(_AS_LISTS, _NO_BRACKETS)
        if not brackets:
            return
        levels = np.cumsum(np.where(np.frombuffer(brackets, np.uint8) == _OPENING, 1, -1)) + self._level
        levels -= np.minimum(np.minimum.accumulate(levels), 0)
        self._level = int(levels[-1])
        self._check(int(levels.max()))

    def _check(self, levels: int) -> None:
        if levels > MOST_LEVELS:
            raise BodyTooDeepError


def is_flat(body: bytes) -> bool:
    """Whether a body that is not compressed has so few brackets that it cannot nest too deeply."""
    return body.count(b"[") + body.count(b"{") <= MOST_LEVELS


def check_in_steps(body: bytes, *, gzipped: bool, most_bytes: int) -> Iterator[None]:
    """Checks a body; yields after each piece, about a millisecond's work, so that others have their turns.

    Args:
        body: The body as it was sent.
        gzipped: Whether its header says gzip. It is checked both ways then: what does not inflate may be read as it is.
        most_bytes: How large it may be when it is inflated.

    Raises:
        BodyTooDeepError: It nests deeper than `MOST_LEVELS`.
        BodyTooLargeError: It inflates to more than `most_bytes`, or from more than 16 gzip members.
    """
    if gzipped:
        counter, size = DepthCounter(), 0
        for piece in _inflated(body):
            size += len(piece)
            if size > most_bytes:
                raise BodyTooLargeError
            counter.feed(piece)
            yield
        if body.startswith(_GZIP_MARK):
            return  # as it stands it is no JSON from its first byte
    if not is_flat(body):
        counter = DepthCounter()
        for start in range(0, len(body), _PIECE):
            counter.feed(body[start : start + _PIECE])
            yield


def _inflated(body: bytes) -> Iterator[bytes]:
    """The pieces of a gzip body, up to its end or its first error; its members follow one another."""
    rest = body
    members = 0
    while rest.startswith(_GZIP_MARK):
        members += 1
        if members > _MOST_MEMBERS:  # the rest is copied for each
            raise BodyTooLargeError
        inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            while not inflater.eof and rest:
                piece = inflater.decompress(rest, _PIECE)
                rest = inflater.unconsumed_tail
                yield piece
            while not inflater.eof and (piece := inflater.decompress(b"", _PIECE)):
                yield piece
        except zlib.error:
            return
        rest = inflater.unused_data
