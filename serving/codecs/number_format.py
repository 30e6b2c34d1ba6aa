"""Spells numbers as TensorFlow Serving does: in its answers, and in its error messages."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def floats(values: Sequence[float], *, single: bool) -> list[str]:
    """Spells floating-point outputs.

    Six significant digits where they suffice, else as many as identify the number (9 for float, 17 for double);
    whole numbers get ".0"; NaN, Infinity and -Infinity are bare words.
    Source: WriteDecimal in tensorflow_serving/util/json_tensor.cc.

    Args:
        values: the numbers, as Python floats.
        single: whether they were float (32 bits) rather than double.
    """
    short = [f"{value:.6g}" for value in values]
    back = [float(text) for text in short]
    if single:
        back = np.array(back, dtype=np.float32).tolist()
    texts = []
    for text, again, value in zip(short, back, values, strict=True):
        if again != value:
            if value != value:
                texts.append("NaN")
                continue
            text = f"{value:.9g}" if single else f"{value:.17g}"
        elif text == "inf" or text == "-inf":
            texts.append("Infinity" if value > 0 else "-Infinity")
            continue
        texts.append(text if "." in text or "e" in text else text + ".0")
    return texts


def debug(value: float) -> str:
    """Spells a double in an error message, as RapidJSON's writer does (shortest digits, then its own layout)."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    sign = "-" if math.copysign(1, value) < 0 else ""
    if value == 0:
        return sign + "0.0"
    mantissa, _, power = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    dot = len(whole) + int(power or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0") or "0"
    if len(digits) <= dot <= 21:
        return f"{sign}{digits}{'0' * (dot - len(digits))}.0"
    if 0 < dot <= 21:
        return f"{sign}{digits[:dot]}.{digits[dot:]}"
    if -6 < dot <= 0:
        return f"{sign}0.{'0' * -dot}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{dot - 1}"
