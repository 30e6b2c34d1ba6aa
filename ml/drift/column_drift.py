"""How far each column of the requests is from the training data, by TFDV's comparators and the schema's thresholds.

A schema's thresholds are for samples of `MEANT_FOR` customers. Of fewer ones chance alone takes L-infinity farther by
the square root of 1/n + 1/m, and the Jensen-Shannon divergence by 1/n + 1/m itself; so much the threshold is widened.

TFDV lays two histograms of numbers over each other as if each bucket were filled evenly. One customer who is older
than all others, or that the oldest one did not come this week, shifts all edges, and by that alone the distance may be
beyond the threshold. So the requests are counted within the range of the training data, its ends included
(`ml.drift.traffic`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.data.features import FEATURES
from ml.data.schema import MEANT_FOR, Schema
from ml.drift.finding import DRIFT, Finding
from ml.drift.traffic import Traffic
from ml.validation.comparison import DISTANCES
from ml.validation.findings import rows_text
from ml.validation.tfdv_statistics import value_ranges


@dataclass(frozen=True)
class ColumnDrift:
    """What the comparison of the columns came to.

    Attributes:
        distances: TFDV's distance of each compared column.
        thresholds: From where on it has drifted, widened for few customers.
        findings: The columns beyond theirs, the farthest first.
        notes: Sentences about columns that could not be compared, or not wholly.
    """

    distances: Mapping[str, float]
    thresholds: Mapping[str, float]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class TrainingStatistics:
    """TFDV's statistics of the data of a version: a `DatasetFeatureStatisticsList`."""

    message: Any

    @classmethod
    def read(cls, path: Path) -> TrainingStatistics:
        """Read `statistics.pb` of a release.

        Raises:
            OSError: It cannot be read.
            ValueError: It is something else.
        """
        from google.protobuf.message import DecodeError
        from tensorflow_metadata.proto.v0 import statistics_pb2

        try:
            message = statistics_pb2.DatasetFeatureStatisticsList.FromString(path.read_bytes())
        except DecodeError as error:
            raise ValueError(f"{path.name} does not hold TFDV's statistics") from error
        if len(message.datasets) != 1:
            raise ValueError(f"{path.name} does not hold the statistics of one data set")
        return cls(message)

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Return the smallest and the largest value of each number."""
        return value_ranges(self.message)

    def present(self) -> dict[str, tuple[int, int]]:
        """Return of how many customers each feature has a value, and how many customers there are."""
        dataset = self.message.datasets[0]
        found = {}
        for feature in dataset.features:
            stats = feature.num_stats if feature.HasField("num_stats") else feature.string_stats
            found[feature.path.step[0]] = (int(stats.common_stats.num_non_missing), int(dataset.num_examples))
        return found


def column_drift(
    traffic: Traffic, training: TrainingStatistics, schema: Schema, *, version: int, fewest: int
) -> ColumnDrift:
    """Compare the columns of the requests with those of the training data.

    Args:
        traffic: At least one row.
        training: The statistics of the version's data.
        schema: The schema in force.
        version: What messages call the training data by.
        fewest: Customers with a value, below which a column is not compared.
    """
    import tensorflow_data_validation as tfdv

    notes = [*_notes(traffic)]
    customers, present = traffic.customers.number, training.present()
    compared: dict[str, float] = {}
    for name in FEATURES:
        column = traffic.columns[name]
        if not column.recorded or name not in present:
            continue
        with_value = math.floor(customers * column.present / traffic.rows)
        if with_value < fewest:
            notes.append(
                f"Column {name!r} is not compared: about {with_value:,} customers of the record have a value there, "
                f"and {fewest:,} are needed."
            )
            continue
        compared[name] = _widening(with_value, *present[name])
    message = _schema(schema, compared)
    found = tfdv.validate_statistics(
        traffic.statistics.result(), message, environment="SERVING", previous_statistics=training.message
    )
    distances = {
        info.path.step[0]: round(measured.value, 6)
        for info in found.drift_skew_info
        for measured in info.drift_measurements
    }
    thresholds = {name: round(limit, 6) for name, limit in Schema.thresholds_of(message).items()}
    kinds = {
        info.path.step[0]: kind
        for info in found.anomaly_info.values()
        for reason in info.reason
        if (kind := type(info).Type.Name(reason.type)) in DISTANCES
    }
    farthest = sorted(kinds, key=lambda name: -distances[name] / thresholds[name])
    findings = tuple(
        Finding(
            DRIFT,
            name,
            f"Column {name!r} of the requests drifted from the data of version {version}: {DISTANCES[kinds[name]]} "
            f"{distances[name]:.4f}, above {thresholds[name]:.4g}.",
        )
        for name in farthest
    )
    return ColumnDrift(distances, thresholds, findings, tuple(notes))


def _widening(customers: int, present: int, examples: int) -> float:
    """Return how many times as large as among the samples of the threshold the variance is that chance brings."""
    if not present:
        return 1.0
    meant_for = MEANT_FOR * present / examples
    return max(1.0, (1 / customers + 1 / present) / (2 / meant_for))


def _schema(schema: Schema, widening: Mapping[str, float]) -> Any:
    """Return a copy that has only the features that are compared, each with its widened threshold."""
    message = type(schema.message)()
    message.CopyFrom(schema.message)
    kept = [feature for feature in message.feature if feature.name in widening]
    for feature in kept:
        comparator, times = feature.drift_comparator, widening[feature.name]
        if comparator.infinity_norm.threshold:
            comparator.infinity_norm.threshold *= times**0.5
        if comparator.jensen_shannon_divergence.threshold:
            comparator.jensen_shannon_divergence.threshold *= times
    del message.feature[:]
    message.feature.extend(kept)
    return message


def _notes(traffic: Traffic) -> Iterator[str]:
    for name, column in traffic.columns.items():
        if not column.recorded:
            yield f"Column {name!r} is not in the record (--record-without leaves it out), and not compared."
            continue
        if column.recorded < traffic.rows:
            yield f"Column {name!r} is in {column.recorded:,} of {traffic.rows:,} rows; these were compared."
        if column.no_number:
            yield f"Column {name!r} is no number in {rows_text(column.no_number)}; they count as without a value."
        if column.outside:
            yield (
                f"Column {name!r} is outside of what the schema allows in {rows_text(column.outside)}; they count as "
                "without a value."
            )
