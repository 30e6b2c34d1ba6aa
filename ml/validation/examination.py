"""One examination of a data set against a schema and the champion's data: all that was found, blocking or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.artifacts import Dataset
from ml.config.settings import TargetSettings
from ml.data.csv_reader import ArrowColumns, PutRight, count_rows, read_columns
from ml.data.schema import Schema
from ml.validation.comparison import Comparison
from ml.validation.findings import Finding, Severity, rows_text
from ml.validation.sentinel import Sentinel, watch
from ml.validation.tfdv_statistics import generate_statistics


@dataclass(frozen=True)
class Examination:
    """The columns as `schema` spells them, their statistics, and what was found.

    `statistics` is TFDV's `DatasetFeatureStatisticsList`; `drift` has the distance of each compared feature to the
    champion's data.
    """

    schema: Schema
    columns: ArrowColumns
    statistics: Any
    drift: dict[str, float]
    sentinel: Sentinel
    findings: list[Finding]

    @property
    def blocking(self) -> list[Finding]:
        """The findings for which the data are refused."""
        return [finding for finding in self.findings if finding.blocks]

    def report(self) -> dict[str, Any]:
        """Return what validation.json holds."""
        return {
            "rows": count_rows(self.columns),
            "drift": self.drift,
            "sentinel": self.sentinel.as_dict(),
            "findings": [finding.as_dict() for finding in self.findings],
        }


def examine(
    dataset: Dataset, schema: Schema, *, severity: Severity, target: TargetSettings, champion_statistics: Path | None
) -> Examination:
    """Read the data, compute their statistics, and compare them with the schema and with the champion's data.

    Raises:
        DataError: The file cannot be read as a table.
    """
    put_right = PutRight()
    columns = read_columns(dataset.csv, put_right, name=dataset.name, schema=schema)
    statistics = generate_statistics(columns)
    comparison = Comparison(columns, statistics, champion_statistics, schema, severity, target)
    sentinel = watch(columns, target)
    findings = [
        *comparison.anomalies(),
        *comparison.beyond_the_schema(),
        *sentinel.findings(severity),
        *put_right_findings(put_right, count_rows(columns), severity),
    ]
    return Examination(schema, columns, statistics, comparison.drift(), sentinel, findings)


def put_right_findings(put_right: PutRight, rows: int, severity: Severity) -> Iterator[Finding]:
    """Yield a finding for each thing that reading put right by itself in a data set of so many `rows`."""
    for name, counts in sorted(put_right.respelled.items()):
        words = "values that differ from the schema's only in letter case or blanks, and were taken as those,"
        examples = [repr(text) for text, _ in counts.most_common(severity.max_examples)]
        yield severity.finding("respelled", name, words, counts.total(), rows, examples)
    if put_right.without_features:
        words = f"{rows_text(put_right.without_features)} without a value for any feature, left out"
        yield severity.finding("no_feature", "", words, 0, 0, [*map(repr, put_right.left_in_them)])
