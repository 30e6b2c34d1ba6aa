"""Numbers as they are written in a file of customers."""

from __future__ import annotations

import math
import re

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WITH_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.ASCII)


def parse_number(text: str, *, decimal_comma: bool = False) -> float | None:
    """Return the number that a text without blanks around it stands for, or None when it is not a finite number.

    Args:
        text: ASCII digits with an optional sign, decimal point and exponent.
        decimal_comma: Whether a comma may stand in place of the point, which no column separator of the file forbids.
    """
    if decimal_comma and _WITH_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None
