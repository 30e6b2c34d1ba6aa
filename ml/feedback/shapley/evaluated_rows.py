"""Customers on whom a version was evaluated, found again in the kept data by their hashes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.data.csv_reader import parse_numbers, read_batches
from ml.data.features import FEATURES, NUMERIC
from ml.evaluation.scored_rows import ScoredRows
from ml.storage import files
from ml.training.split import row_hashes
from serving.reasons.columns import Instance


def evaluated_rows(release: Path, csv: Path, most: int) -> list[Instance]:
    """Return the evaluation rows with the smallest hashes, as a model server takes them; equal ones come once.

    Args:
        release: The release record of the version.
        csv: Its data.
        most: How many rows, at most.

    Raises:
        DataError: The data cannot be read as a table.
        FinalError: The scored rows are damaged.
        FileNotFoundError: There are none.
        KeyError: The record does not say what a target is, or the data lack a column.
    """
    target = files.json_object(release / "release.json")["target"]
    positive = pa.array(sorted(target["positive_segments"]), pa.string())
    wanted = np.unique(ScoredRows.read(release / "rows.npz").rows)[:most]
    found: dict[int, Instance] = {}
    for batch in read_batches(csv):
        columns = {name: parse_numbers(batch[name]) if name in NUMERIC else batch[name] for name in FEATURES}
        labels = pc.is_in(batch[target["column"]], value_set=positive).to_numpy(zero_copy_only=False).astype(np.int8)
        hashes = row_hashes(columns, labels)
        for place in np.flatnonzero(np.isin(hashes, wanted)).tolist():
            found[int(hashes[place])] = {name: column[place].as_py() for name, column in columns.items()}
    return [found[one] for one in wanted.tolist() if one in found]
