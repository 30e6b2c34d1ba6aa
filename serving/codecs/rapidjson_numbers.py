"""Reads the numbers of JSON to the last bit as RapidJSON does, which is not always the nearest double."""

from __future__ import annotations

import math
import re

from serving.errors import StatusError, invalid

_DIGITS = re.compile(rb"[0-9]*")


def parse_error(what: str, at: int) -> StatusError:
    """The error for text that is no JSON: RapidJSON's sentence and the offset of the byte, from 0."""
    return invalid(f"JSON Parse error: {what} at offset: {at}")


def consume(text: bytes, at: int, word: bytes) -> int:
    """The offset behind the word, which must be at the given offset.

    Raises:
        StatusError: INVALID_ARGUMENT that names the first byte that differs.
    """
    for letter in word:
        if at >= len(text) or text[at] != letter:
            raise parse_error("Invalid value.", at)
        at += 1
    return at


def number(text: bytes, start: int) -> tuple[int | float, int]:
    """The number at an offset, and the offset behind it.

    Returns:
        int when it was written without fraction and exponent and fits 64 bits, else float.
    """
    minus = text[start : start + 1] == b"-"
    at = start + minus
    lead = text[at : at + 1]
    if lead in (b"N", b"I"):
        return _not_finite(text, at, minus)
    if not lead.isdigit():
        raise parse_error("Invalid value.", at)
    end = at + 1 if lead == b"0" else _DIGITS.match(text, at).end()  # type: ignore[union-attr]
    whole, at = text[at:end], end
    # int() of a huge text is quadratic (and refused beyond 4,300 digits); 20 digits are beyond 64 bits anyway.
    magnitude = int(whole) if len(whole) <= 20 else 1 << 64
    fraction, exponent = b"", 0
    number = -magnitude if minus else magnitude
    is_double = not -(1 << 63) <= number < (1 << 64)
    if text[at : at + 1] == b".":
        fraction = _DIGITS.match(text, at + 1).group()  # type: ignore[union-attr]
        at += 1 + len(fraction)
        if not fraction:
            raise parse_error("Miss fraction part in number.", at)
        is_double = True
    if text[at : at + 1] in (b"e", b"E"):
        at += 1
        sign = text[at : at + 1]
        at += sign in (b"+", b"-")
        digits = _DIGITS.match(text, at).group()  # type: ignore[union-attr]
        if not digits:
            raise parse_error("Miss exponent in number.", at)
        at += len(digits)
        exponent = min(int(digits[:20]), 1 << 31) if len(digits.lstrip(b"0")) <= 20 else 1 << 31
        exponent = -exponent if sign == b"-" else exponent
        is_double = True
    if not is_double:
        return number, at
    value = _double(whole, fraction, exponent, minus)
    if math.isinf(value):
        raise parse_error("Number too big to be stored in double.", start)
    return (-value if minus else value), at


def _double(whole: bytes, fraction: bytes, exponent: int, minus: bool) -> float:
    """The double RapidJSON makes of the digits, which is not always the nearest one.

    It collects digits in 64 bits while they fit, then digit by digit in a double, and scales once by a power of ten
    (the "normal precision" of rapidjson/internal/strtod.h). Error messages show the difference.
    """
    limit = (1 << 63) if minus else (1 << 64) - 1
    kept, rest = 0, 0
    for rest, digit in enumerate(whole):  # noqa: B007 - the index is where 64 bits ended
        if kept * 10 + digit - 48 > limit:
            break
        kept = kept * 10 + digit - 48
    else:
        rest = len(whole)
    value, significant = float(kept), max(rest - 1, 0)
    for digit in whole[rest:]:
        value = value * 10 + (digit - 48)
    scale, done = 0, 0
    if rest == len(whole):
        for digit in fraction:
            if kept > (1 << 53) - 1:
                break
            kept = kept * 10 + digit - 48
            done, scale, significant = done + 1, scale - 1, significant + (kept != 0)
        value = float(kept)
    for digit in fraction[done:]:
        if significant >= 17:
            break
        value, scale = value * 10 + (digit - 48), scale - 1
        significant += value > 0
    return _scaled(value, exponent + scale)


def _scaled(value: float, power: int) -> float:
    if value == 0:
        return 0.0
    if power > 308:
        return math.inf
    if power >= 0:
        return value * 10.0**power
    if power >= -308:
        return value / 10.0**-power
    return value / 1e308 / 10.0 ** (-power - 308) if power >= -616 else 0.0


def _not_finite(text: bytes, at: int, minus: bool) -> tuple[float, int]:
    if text[at : at + 1] == b"N":
        return math.nan, consume(text, at, b"NaN")
    at = consume(text, at, b"Inf")
    if text[at : at + 1] == b"i":
        at = consume(text, at, b"inity")
    return (-math.inf if minus else math.inf), at
