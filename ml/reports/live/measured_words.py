"""Measures of a version in words: the number with its interval, or why there is none."""

from __future__ import annotations

from ml.performance.live import Measured
from ml.reports.look.words import interval, percent, rounded

NOTHING = "–"


def share_words(found: Measured) -> str:
    """Return a share, such as "63 % (58 % to 68 %)"."""
    if not found.is_known:
        return found.reason or NOTHING
    one = found.estimate
    return percent(one.value) + (f" ({interval((one.low, one.high))})" if _has_interval(found) else "")


def number_words(found: Measured) -> str:
    """Return a number with three digits, such as "0.861 (0.823 to 0.899)"."""
    if not found.is_known:
        return found.reason or NOTHING
    one = found.estimate
    return f"{one.value:.3f}" + (f" ({one.low:.3f} to {one.high:.3f})" if _has_interval(found) else "")


def difference_words(found: Measured) -> str:
    """Return a difference of two shares in points, such as "+4.0 points (−1.2 to +9.2)"."""
    if not found.is_known:
        return found.reason or NOTHING
    value, low, high = (_minus(f"{100 * end:+.1f}") for end in _ends(found))
    return f"{value} points" + (f" ({low} to {high})" if _has_interval(found) else "")


def money_words(found: Measured, currency: str) -> str:
    """Return an amount with two digits that say something, such as "5,200 (3,900 to 6,500) EUR"."""
    if not found.is_known:
        return found.reason or NOTHING
    has_interval = _has_interval(found)
    value, *ends = (_minus(f"{rounded(end):,.0f}") for end in _ends(found)[: 3 if has_interval else 1])
    return value + (f" ({ends[0]} to {ends[1]})" if has_interval else "") + (f" {currency}" if currency else "")


def _ends(found: Measured) -> tuple[float, float, float]:
    return found.estimate.value, found.estimate.low, found.estimate.high


def _has_interval(found: Measured) -> bool:
    return found.estimate.low == found.estimate.low


def _minus(text: str) -> str:
    return text.replace("-", "\u2212")
