"""The one form of a customer's identifier in which files that write it differently agree."""

from __future__ import annotations

import re

WHOLE = re.compile(r"(\d+)\.0+")
"""An identifier that was written as a number with decimals, as files are when one of them is missing."""


def customer_key(identifier: str) -> str:
    """Returns that form: 466735.0 is 466735, and white space around it does not count."""
    text = identifier.strip()
    whole = WHOLE.fullmatch(text)
    return whole[1] if whole else text
