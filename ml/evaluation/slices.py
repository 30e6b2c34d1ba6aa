"""The slices: groups of customers for which a model is evaluated besides all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.rows.categorical import Categorical

MISSING = "(missing)"
AGE_BAND = "age_band"
AGE_BANDS = ((0, 30, "under 30"), (30, 45, "30-44"), (45, 60, "45-59"), (60, 1000, "60 and over"))
SLICED_BY = ("Gender", "Spending_Score", "Ever_Married", AGE_BAND)

SlicingColumns = Mapping[str, Categorical]


def slicing_columns(features: Mapping[str, NDArray[np.generic]]) -> dict[str, Categorical]:
    """Return for each of `SLICED_BY` a column [n], made from the raw features."""
    columns: dict[str, Categorical] = {}
    for name in SLICED_BY[:-1]:
        columns[name] = Categorical.of(text or MISSING for text in features[name].tolist())
    age = features["Age"].astype(np.float64)
    bands = sorted([MISSING, *(label for *_, label in AGE_BANDS)])
    codes = np.full(len(age), bands.index(MISSING), dtype=np.int8)
    for low, high, label in AGE_BANDS:
        codes[(age >= low) & (age < high)] = bands.index(label)
    columns[AGE_BAND] = Categorical(codes, tuple(bands))
    return columns


def slices(columns: SlicingColumns, rows: int) -> Iterator[tuple[dict[str, str], NDArray[np.bool_]]]:
    """Yield each slice as (what selects it, mask of shape [rows]); the first is all rows, selected by nothing."""
    yield {}, np.ones(rows, dtype=bool)
    for name, column in columns.items():
        for value in column.values():
            yield {name: value}, column.equals(value)
