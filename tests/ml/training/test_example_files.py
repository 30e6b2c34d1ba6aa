"""The files of examples depend on their rows alone, and not on the batches in which these came."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml.data.features import FEATURES, NUMERIC
from ml.training.examples.example_files import write_examples
from ml.training.preprocessing import Encoding, FeatureEncoding
from ml.training.raw_batch import Feature, RawBatch

ROWS = 30_000


def batches(size: int) -> list[RawBatch]:
    """Rows whose texts all differ, and are so long that Parquet has several pages of them."""
    found = []
    for start in range(0, ROWS, size):
        rows = np.arange(start, min(start + size, ROWS), dtype=np.uint64)
        texts = [f"{row:064}" for row in rows]
        values = {True: rows.astype(np.float32), False: np.array(texts, dtype=object)}
        places = np.arange(len(rows), dtype=np.int32)
        features = {name: Feature(values[name in NUMERIC], places, texts) for name in FEATURES}
        found.append(RawBatch(features, (rows % 2).astype(np.int8), rows, rows, rows % 5 == 0))
    return found


def written(place: Path, size: int) -> list[bytes]:
    encoding = Encoding(
        [
            FeatureEncoding(
                name, "scaled" if name in NUMERIC else "category", ["a"], [0.0, float(ROWS)], 1.0, 1.0, True
            )
            for name in FEATURES
        ]
    )
    place.mkdir()
    assert sum(write_examples(batches(size), encoding, place)) == ROWS
    return [(place / name).read_bytes() for name in ("train.parquet", "eval.parquet")]


def test_the_pages_of_a_column_begin_where_they_would_if_all_rows_came_together(tmp_path: Path) -> None:
    assert written(tmp_path / "parts", 1777) == written(tmp_path / "whole", ROWS)
