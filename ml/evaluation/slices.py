"""The slices: groups of customers for which a model is evaluated besides all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

MISSING = "(missing)"
AGE_BAND = "age_band"
AGE_BANDS = ((0, 30, "under 30"), (30, 45, "30-44"), (45, 60, "45-59"), (60, 1000, "60 and over"))
SLICED_BY = ("Gender", "Spending_Score", "Ever_Married", AGE_BAND)

SlicingColumns = Mapping[str, NDArray[np.object_]]


def slicing_columns(features: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.object_]]:
    """Return for each of `SLICED_BY` an object array [n] of text, made from the raw features."""
    columns: dict[str, NDArray[np.object_]] = {}
    for name in SLICED_BY[:-1]:
        column = features[name].astype(object)
        columns[name] = np.where(column == "", MISSING, column)
    age = features["Age"].astype(np.float64)
    band = np.full(len(age), MISSING, dtype=object)
    for low, high, label in AGE_BANDS:
        band[(age >= low) & (age < high)] = label
    columns[AGE_BAND] = band
    return columns


def slices(columns: SlicingColumns, rows: int) -> Iterator[tuple[dict[str, str], NDArray[np.bool_]]]:
    """Yield each slice as (what selects it, mask of shape [rows]); the first is all rows, selected by nothing."""
    yield {}, np.ones(rows, dtype=bool)
    for name, column in columns.items():
        for value in sorted(set(column.tolist())):
            yield {name: value}, column == value
