"""What a version knows of its inputs, for whoever scores customers with it: what training saw and the schema allows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml.artifacts import Examples
from ml.data.features import CATEGORICAL, FEATURES
from ml.data.schema import Schema
from ml.storage.files import read_json
from serving.expectation.known_inputs import KnownInput

DRIFT_ROWS = 8068
"""The rows of both samples between which the schema's drift thresholds were calibrated."""
BUCKETS = 10


def known_inputs(examples: Examples, schema: Schema) -> dict[str, KnownInput]:
    """Return what the model of these examples knows of each of its features; `schema` is that of the run."""
    expected = {feature.name: feature for feature in schema.message.feature}
    fitted = {feature["name"]: feature for feature in read_json(examples.encoding)["features"]}
    rows = pq.read_table(examples.train, columns=list(FEATURES))
    found = {}
    for name in FEATURES:
        column = rows[name].to_numpy()
        domain, drift = expected[name].float_domain, expected[name].drift_comparator
        comparator = drift.infinity_norm if name in CATEGORICAL else drift.jensen_shannon_divergence
        values = list(fitted[name]["values"]) if name in CATEGORICAL else None
        counts, edges = _histogram(column) if values is None else ([int((column == v).sum()) for v in values], [])
        is_bounded = name not in CATEGORICAL and expected[name].HasField("float_domain")
        found[name] = KnownInput(
            values,
            counts,
            edges,
            float(domain.min) if is_bounded and domain.HasField("min") else None,
            float(domain.max) if is_bounded and domain.HasField("max") else None,
            bool(fitted[name]["missing"]),
            float(comparator.threshold) if comparator.HasField("threshold") else None,
            DRIFT_ROWS,
        )
    return found


def _histogram(column: NDArray[Any]) -> tuple[list[int], list[float]]:
    present = column[~np.isnan(column)].astype(np.float64)
    if not len(present):
        return [], []
    counts, edges = np.histogram(present, bins=BUCKETS)
    return [int(count) for count in counts], [float(edge) for edge in edges]
