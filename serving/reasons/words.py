"""Words for the features of a customer: "young", "healthcare", "low spending", "no profession given".

Where a number is low or high is decided by the training data of the version: below or above two thirds of its
customers. Only categories that the version knows are repeated; whatever else a file says never becomes part of a text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import Final

from serving.expectation.known_inputs import KnownInput
from serving.tables.category_spelling import fold, spellings

LOW, HIGH = 1 / 3, 2 / 3
"""The shares of the training rows below which a number is low, and above which it is high."""

_NOUNS: Final = {
    "Gender": "gender",
    "Ever_Married": "marital status",
    "Age": "age",
    "Graduated": "degree",
    "Profession": "profession",
    "Work_Experience": "work experience",
    "Spending_Score": "spending score",
    "Family_Size": "family size",
}
_LEVELS: Final = {
    "Age": ("young", "of middle age", "older"),
    "Work_Experience": ("little work experience", "some work experience", "long work experience"),
    "Family_Size": ("small family", "medium-sized family", "large family"),
}
_CATEGORIES: Final = {
    "Ever_Married": {"yes": "has been married", "no": "never married"},
    "Graduated": {"yes": "graduate", "no": "no graduate"},
}


def quantile(known: KnownInput, share: float) -> float | None:
    """Return the number below which `share` of the training rows lie, from the histogram; None when it is empty."""
    total = sum(known.counts)
    if not total or len(known.edges) != len(known.counts) + 1:
        return None
    for (before, after), (low, high) in zip(
        pairwise(accumulate(known.counts, initial=0)), pairwise(known.edges), strict=True
    ):
        if after > before and after >= share * total:
            return low + (high - low) * (share * total - before) / (after - before)
    return known.edges[-1]


def describe(feature: str, value: object, inputs: Mapping[str, KnownInput]) -> str:
    """Return words for a feature of a customer.

    Args:
        feature: Its name; one of the eight features has words of its own, any other is called by its name.
        value: Text ("" where missing) or a number (NaN where missing); None is missing, too.
        inputs: What the version knows of its inputs. Of a feature that is not among them only a number is told.
    """
    noun = _NOUNS.get(feature, feature.replace("_", " ").lower())
    if value is None or value == "" or value != value:
        return f"no {noun} given"
    known = inputs.get(feature)
    if isinstance(value, int | float):
        return _number(feature, noun, float(value), known)
    return _category(feature, noun, str(value), known)


def _number(feature: str, noun: str, value: float, known: KnownInput | None) -> str:
    if value < 0:
        return f"no {noun} given"  # to the model, too
    low, high = (quantile(known, LOW), quantile(known, HIGH)) if known and known.values is None else (None, None)
    if low is None or high is None or not math.isfinite(value):
        return f"{noun} {value:g}"
    levels = _LEVELS.get(feature) or (f"low {noun}", f"medium {noun}", f"high {noun}")
    return f"{levels[0 if value < low else 1 if value <= high else 2]} ({value:g})"


def _category(feature: str, noun: str, value: str, known: KnownInput | None) -> str:
    if fold(value) == "":
        return f"no {noun} given"
    if known is None or known.values is None:
        return noun
    texts = spellings(known.values)
    if fold(value) not in texts:
        return f"{noun} unknown to the model"
    text = texts[fold(value)].lower()
    if feature == "Spending_Score":
        return f"{text} spending"
    if feature in ("Gender", "Profession"):
        return text
    return _CATEGORIES.get(feature, {}).get(text) or f"{noun}: {text}"
