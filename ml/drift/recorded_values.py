"""The values of one feature of recorded rows, as training data have them.

The record has what was sent, in two spellings: JSON has numbers, a column of a file with a text in it is all text, and
a missing value is sent as NaN, as an empty text, or as a negative number, which the model takes for one.
"""

from __future__ import annotations

import math
from typing import Any

from serving.records.row import Value


def as_number(value: Value) -> float | None:
    """Return a number; None for a missing one.

    Raises:
        ValueError: It is a text that is none.
    """
    if value is None or value == "":
        return None
    number = float(value)
    return None if math.isnan(number) or number < 0 else number


def as_category(value: Value) -> str | None:
    """Return a text, a number without a needless point; None for a missing one."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    return None if math.isnan(value) else f"{value:g}"


def outside(number: float, feature: Any) -> bool:
    """Return whether training data could not have this number.

    `feature` is its `tensorflow_metadata.proto.v0.Feature`; without a domain there is nothing outside.
    """
    if math.isinf(number):
        return True
    domain = feature.float_domain
    return bool(feature.HasField("float_domain") and not domain.min <= number <= domain.max)
