"""Shares in what was written down: probabilities and propensities."""

from __future__ import annotations


def check_share(value: object) -> None:
    """Makes sure that a value is a number from 0 to 1, or None.

    Raises:
        ValueError: It is something else.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("not a number from 0 to 1")
