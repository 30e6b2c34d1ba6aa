"""What a version knows of its inputs, for whoever scores customers with it: what training saw and the schema allows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
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
    found = {}
    for name in FEATURES:
        domain, drift = expected[name].float_domain, expected[name].drift_comparator
        comparator = drift.infinity_norm if name in CATEGORICAL else drift.jensen_shannon_divergence
        values = list(fitted[name]["values"]) if name in CATEGORICAL else None
        counts, edges = (
            _histogram(examples.train, name) if values is None else (_counts(examples.train, name, values), [])
        )
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


def _counts(parquet: Path, name: str, values: list[str]) -> list[int]:
    """Return how many rows hold each of the values, spelled like them."""
    found: Counter[str] = Counter()
    for batch in pq.ParquetFile(parquet, read_dictionary=[name]).iter_batches(columns=[name]):
        for each in pc.value_counts(batch[name]).to_pylist():
            found[each["values"]] += each["counts"]
    return [found[value] for value in values]


def _histogram(parquet: Path, name: str) -> tuple[list[int], list[float]]:
    """Return counts and edges of equal buckets between the smallest and the largest number; none without a number."""
    low, high = math.inf, -math.inf
    for present in _numbers(parquet, name):
        low, high = min(low, float(present.min())), max(high, float(present.max()))
    if low > high:
        return [], []
    counts, edges = np.histogram([], bins=BUCKETS, range=(low, high))
    for present in _numbers(parquet, name):
        counts = counts + np.histogram(present, bins=BUCKETS, range=(low, high))[0]
    return [int(count) for count in counts], [float(edge) for edge in edges]


def _numbers(parquet: Path, name: str) -> Iterator[NDArray[np.float64]]:
    """Yield the numbers of some rows at a time, without the missing ones."""
    for batch in pq.ParquetFile(parquet).iter_batches(columns=[name]):
        column = batch[name].to_numpy(zero_copy_only=False)
        present = column[~np.isnan(column)].astype(np.float64)
        if len(present):
            yield present
