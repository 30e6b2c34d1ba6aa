"""The comparison by TFDV with the schema and with the champion's data, whose anomalies become findings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml.config.settings import TargetSettings
from ml.data.features import ID
from ml.data.schema import Schema
from ml.validation.counts.dataset_counts import DatasetCounts
from ml.validation.findings import UNEXPECTED_VALUE, Finding, Severity, rows_text
from ml.validation.tfdv_statistics import value_ranges

DESCRIPTIONS = {
    "SCHEMA_MISSING_COLUMN": "the column is missing",
    "SCHEMA_NEW_COLUMN": "a column that the schema does not know; it is ignored",
    "UNEXPECTED_DATA_TYPE": "text where a number belongs",
    "FLOAT_TYPE_SMALL_FLOAT": "values below {low:g}",
    "FLOAT_TYPE_BIG_FLOAT": "values above {high:g}",
    "FEATURE_TYPE_LOW_FRACTION_PRESENT": "missing more often than the allowed {missing:.0%}",
    "FEATURE_TYPE_NOT_PRESENT": "no value at all",
    UNEXPECTED_VALUE: "values that the schema does not know",
}
DISTANCES = {
    "COMPARATOR_L_INFTY_HIGH": "L-infinity distance",
    "COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH": "Jensen-Shannon divergence",
}


class Comparison:
    """The comparison by TFDV, whose anomalies become findings that count rows and show examples."""

    def __init__(
        self,
        counts: DatasetCounts,
        statistics: Any,
        champion_statistics: Path | None,
        schema: Schema,
        severity: Severity,
        target: TargetSettings,
    ) -> None:
        import tensorflow_data_validation as tfdv
        from tensorflow_metadata.proto.v0 import statistics_pb2

        self.counts, self.target, self.severity = counts, target, severity
        self.schema = schema.message
        self.features = {feature.name: feature for feature in self.schema.feature}
        previous = None
        self.before: dict[str, tuple[float, float]] = {}
        if champion_statistics is not None:
            previous = statistics_pb2.DatasetFeatureStatisticsList.FromString(champion_statistics.read_bytes())
            self.before = value_ranges(previous)
        self.now = value_ranges(statistics)
        self.found = tfdv.validate_statistics(
            statistics, self.schema, environment="TRAINING", previous_statistics=previous
        )

    def drift(self) -> dict[str, float]:
        """Return the distance of each compared feature to the champion's data; empty without a champion."""
        return {
            info.path.step[0]: round(measured.value, 6)
            for info in self.found.drift_skew_info
            for measured in info.drift_measurements
        }

    def anomalies(self) -> Iterator[Finding]:
        """Yield the findings of TFDV, against the schema and the champion's statistics."""
        from tensorflow_metadata.proto.v0 import anomalies_pb2

        for key, info in sorted(self.found.anomaly_info.items()):
            name = info.path.step[0] if info.path.step else key  # the key quotes a name with a dot in it
            kinds = {type(info).Type.Name(reason.type): reason.description for reason in info.reason}
            if "UNEXPECTED_DATA_TYPE" in kinds:  # TFDV reports text in a number column twice
                kinds.pop("FLOAT_TYPE_STRING_NOT_FLOAT", None)
            for kind, description in kinds.items():
                yield self._finding(kind, name, description.rstrip("."))
        for reason in self.found.dataset_anomaly_info.reason:
            least = self.schema.dataset_constraints.min_examples_count
            what = f"{rows_text(self.counts.rows)}, and at least {least:,} are needed"
            yield self.severity.finding(anomalies_pb2.AnomalyInfo.Type.Name(reason.type), "", what, 0, 0, [])

    def beyond_the_schema(self) -> Iterator[Finding]:
        """Yield the findings that a schema cannot express: identifiers used twice, a label with only one class."""
        total = self.counts.rows
        if identifiers := self.counts.sentinel.identifiers:
            rows, first = identifiers.duplicates(self.severity.max_examples)
            if rows:
                examples = self.severity.shown(first.to_pylist())
                yield self.severity.finding(
                    "duplicate_id", ID, "identifiers used more than once", rows, total, examples
                )
        labels = self.counts.sentinel.labels
        if labels is None:
            if self.target.column not in self.features:  # else the schema has said it
                yield self.severity.finding("missing_target", self.target.column, "the column is missing", 0, 0, [])
        else:
            positive = labels.targets
            if positive in (0, total):
                named = "/".join(self.target.positive_segments)
                what = f"{'every' if positive else 'no'} customer is in {named}, so there is nothing to tell apart"
                yield self.severity.finding("single_class", self.target.column, what, 0, 0, [])

    def _finding(self, kind: str, name: str, description: str) -> Finding:
        column, feature = self.counts.columns.get(name), self.features.get(name)
        if kind in DISTANCES:
            return self.severity.finding(kind, name, self._drift_words(kind, name), 0, 0, [])
        words = DESCRIPTIONS.get(kind, description)
        if kind == "SCHEMA_MISSING_COLUMN" and name == self.target.column:
            words += " (to score customers without labels: python -m serving.score)"
        if column is None or feature is None:
            return self.severity.finding(kind, name, words, 0, 0, [])
        domain = feature.float_domain
        words = words.format(low=domain.min, high=domain.max, missing=1 - feature.presence.min_fraction)
        shows = column.anomalous(kind)
        if shows is None:
            return self.severity.finding(kind, name, words, 0, 0, [])
        # An unseen label cannot be learnt from, however rare it is: a kind of its own that no share excuses.
        shown = "unseen_label" if kind == UNEXPECTED_VALUE and name == self.target.column else kind
        examples = self.severity.shown(shows.examples)
        return self.severity.finding(shown, name, words, shows.rows, column.rows, examples)

    def _drift_words(self, kind: str, name: str) -> str:
        comparator = self.features[name].drift_comparator
        is_text = kind == "COMPARATOR_L_INFTY_HIGH"
        limit = (comparator.infinity_norm if is_text else comparator.jensen_shannon_divergence).threshold
        words = (
            f"drifted from the data of the served version: {DISTANCES[kind]} {self.drift()[name]:.4f}, above {limit:g}"
        )
        if name in self.before and self.before[name] != self.now.get(name):
            # The histograms share their edges, so that one extreme value alone can move the distance.
            old, new = (f"[{low:g}, {high:g}]" for low, high in (self.before[name], self.now[name]))
            words += f"; its range went from {old} to {new}, which moves this distance by itself"
        return words
