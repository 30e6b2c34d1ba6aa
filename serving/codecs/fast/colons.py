"""Finds out whether a JSON text repeats a key, of which a fast parser keeps the last one without a word."""

from __future__ import annotations

import re

_MOST_BYTES_SEARCHED = 1 << 20
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"')


def repeats_keys(text: bytes, keys: int) -> bool:
    """Whether there may be more keys than were read: as many colons as keys means that none was repeated.

    Colons in strings are left out only when it matters; in doubt, above 1 MiB, the answer is yes.

    Args:
        text: A JSON text.
        keys: How many keys were read from it, in all its objects together.
    """
    if text.count(b":") == keys:
        return False
    return len(text) > _MOST_BYTES_SEARCHED or _STRINGS.sub(b"", text).count(b":") != keys
