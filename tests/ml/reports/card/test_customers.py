"""The evaluation rows are found again in the data by their hashes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml.data.csv_reader import read_columns
from ml.data.features import FEATURES
from ml.reports.card.customers import customers
from ml.training.split import row_hashes


def test_rows_get_their_own_features_back_and_unknown_ones_are_left_out(sample_csv: Path) -> None:
    columns = read_columns(sample_csv)
    positive = np.array([text == "D" for text in columns["Segmentation"].to_pylist()]).astype(np.int8)
    hashes = row_hashes({name: columns[name] for name in FEATURES}, positive)
    stranger = np.array([12345], dtype=np.uint64)
    rows, found = customers(sample_csv, np.concatenate([stranger, hashes]), column="Segmentation", positive=["D"])
    assert rows.tolist() == list(range(1, len(hashes) + 1))
    genders = [value or "(missing)" for value in columns["Gender"].to_pylist()]
    assert found["Gender"].tolist() == genders
    young = [value is not None and value < 30 for value in columns["Age"].to_pylist()]
    assert (found["Age"] == "under 30").tolist() == young
