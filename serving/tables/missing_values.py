"""The forms of a missing value in a file of customers, for training and scoring alike."""

from __future__ import annotations

MISSING = frozenset(
    {
        "",
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NAN",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
    }
)
"""The texts that count as missing once the white space around them is removed: those of pandas, and NAN."""


def plain_identifier(text: str) -> str | None:
    """A customer's identifier without blanks around it; None for a text that says that there is none."""
    plain = text.strip()
    return None if plain in MISSING else plain
