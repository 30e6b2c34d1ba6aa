"""Categories that are written otherwise than in the schema: other ASCII letter case, ASCII blanks around them.

No other difference is bridged: only here do Python, Arrow and TensorFlow's string operations agree, so that a file, a
REST request and the training data mean the same by the same text.
"""

from __future__ import annotations

from collections.abc import Iterable

ASCII_BLANKS = " \t\n\v\f\r"
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def fold(text: str) -> str:
    """Return the text without the ASCII blanks around it, its ASCII capitals made small."""
    return text.strip(ASCII_BLANKS).translate(_LOWER)


def spellings(known: Iterable[str]) -> dict[str, str]:
    """Return each known category by its folded form; of two that fold to the same, the first in the alphabet."""
    return {fold(value): value for value in sorted(known, reverse=True)}
