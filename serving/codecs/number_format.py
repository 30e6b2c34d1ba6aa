"""Spells numbers as TensorFlow Serving does: in its answers, and in its error messages."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

_FEW = 12
"""For so many numbers or fewer NumPy is not worth its start."""
_LEAST, _BEYOND = 1e-4, 999_999.0
"""What lies between is written without an exponent, with six digits as with nine."""
_POWERS = np.array([float(f"1e{power}") for power in range(-3, 6)])
_NINE_DIGITS = np.array([float(f"1e{places}") for places in range(12, 2, -1)])
_SIX_DIGITS = np.array([float(f"1e{places}") for places in range(9, -1, -1)])


def floats(values: NDArray[Any]) -> list[bytes]:
    """Writes floating-point outputs, one text for each element of a flat array.

    Six significant digits where they suffice, else as many as identify the number (9 for float32, 17 for float64);
    whole numbers get ".0"; NaN, Infinity and -Infinity are bare words.
    Source: WriteDecimal in tensorflow_serving/util/json_tensor.cc.
    """
    if values.size <= _FEW or values.dtype != np.float32:
        return _one_by_one(values)
    sizes = np.abs(values)
    usual = ((sizes >= _LEAST) & (sizes < _BEYOND)) | (sizes == 0)
    if usual.all():
        return _in_bulk(values)
    texts = _in_bulk(np.where(usual, values, np.float32(0)))
    others = np.flatnonzero(~usual)
    for index, text in zip(others.tolist(), _one_by_one(values[others]), strict=True):
        texts[index] = text
    return texts


def _in_bulk(values: NDArray[Any]) -> list[bytes]:
    """For numbers whose texts need no exponent, and 0.

    The 24 bits of a float times 10**12 (28 bits and a shift) fit a double, so `rint` sees the exact product and rounds
    as printf does. Divided again it is the double nearest to those digits, and the shortest text of that double, which
    is what orjson writes, consists of those digits: 15 always survive.
    """
    wide = values.astype(np.float64)
    place = np.searchsorted(_POWERS, np.abs(wide), side="right")
    six, nine = _SIX_DIGITS[place], _NINE_DIGITS[place]
    short = np.rint(wide * six) / six
    rounded = np.where(short.astype(np.float32) == values, short, np.rint(wide * nine) / nine)
    return orjson.dumps(rounded, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")


def _one_by_one(values: NDArray[Any]) -> list[bytes]:
    single = values.dtype == np.float32
    numbers = values.tolist()
    short = [f"{number:.6g}" for number in numbers]
    back = [float(text) for text in short]
    if single:
        back = np.array(back, dtype=np.float32).tolist()
    texts = []
    for text, again, number in zip(short, back, numbers, strict=True):
        if again != number:
            if number != number:
                texts.append(b"NaN")
                continue
            text = f"{number:.9g}" if single else f"{number:.17g}"
        elif text == "inf" or text == "-inf":
            texts.append(b"Infinity" if number > 0 else b"-Infinity")
            continue
        texts.append((text if "." in text or "e" in text else text + ".0").encode())
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
