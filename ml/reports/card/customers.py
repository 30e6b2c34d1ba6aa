"""The features of the evaluation rows, which are found again in the kept data by their hashes."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml.data.csv_reader import parse_numbers, read_batches
from ml.data.features import CATEGORICAL, FEATURES, NUMERIC
from ml.evaluation.slices import AGE_BANDS, MISSING
from ml.training.split import row_hashes

BANDS = {
    "Age": AGE_BANDS,
    "Work_Experience": ((0, 2, "0-1"), (2, 6, "2-5"), (6, 1000, "6 and more")),
    "Family_Size": ((0, 2, "1"), (2, 4, "2-3"), (4, 1000, "4 and more")),
}


def customers(
    csv: Path, wanted: NDArray[np.uint64], *, column: str, positive: Collection[str]
) -> tuple[NDArray[np.intp], dict[str, NDArray[np.object_]]]:
    """Return which of the wanted rows the file has, [m], and their features as text, object [m] each.

    Args:
        csv: The data of the version.
        wanted: Hashes of rows, shape [n].
        column: The name of the label.
        positive: Its texts that make a target customer.

    Raises:
        DataError: The file cannot be read as a table.
        KeyError: It lacks a column.
    """
    known: dict[int, tuple[str, ...]] = {}
    for batch in read_batches(csv):
        typed = {name: parse_numbers(batch[name]) if name in NUMERIC else batch[name] for name in FEATURES}
        label = (
            pc.is_in(batch[column], value_set=pa.array(sorted(positive), pa.string()))
            .to_numpy(zero_copy_only=False)
            .astype(np.int8)
        )
        hashes = row_hashes(typed, label)
        are_wanted = np.flatnonzero(np.isin(hashes, wanted))
        if len(are_wanted):
            texts = [_banded(name, typed[name].take(pa.array(are_wanted)).to_pylist()) for name in FEATURES]
            known |= zip(hashes[are_wanted].tolist(), zip(*texts, strict=True), strict=True)
    rows = [row for row, sha in enumerate(wanted.tolist()) if sha in known]
    cells = [known[int(wanted[row])] for row in rows]
    columns = {name: np.array([cell[k] for cell in cells], dtype=object) for k, name in enumerate(FEATURES)}
    return np.array(rows, dtype=np.intp), columns


def _banded(name: str, values: list[str | float | None]) -> list[str]:
    if name in CATEGORICAL:
        return [MISSING if value is None or value == "" else str(value) for value in values]
    return [_band(name, value) for value in values]


def _band(name: str, value: str | float | None) -> str:
    if value is None or not float(value) >= 0:
        return MISSING
    return next((text for low, high, text in BANDS[name] if low <= float(value) < high), MISSING)
