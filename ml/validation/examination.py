"""One examination of a data set against a schema and the champion's data: all that was found, blocking or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.artifacts import Dataset
from ml.config.settings import BeamSettings, TargetSettings
from ml.data.csv_reader import read_encoded
from ml.data.put_right import PutRight
from ml.data.schema import Schema
from ml.storage.progress import Progress
from ml.validation.comparison import Comparison
from ml.validation.counts.by_runner import count_by_runner
from ml.validation.counts.dataset_counts import USUAL, DatasetCounts, OtherwiseError
from ml.validation.findings import Finding, Severity, rows_text
from ml.validation.sentinel import Sentinel, measure


@dataclass(frozen=True)
class Examination:
    """The counts of the rows as `schema` spells them, their statistics, and what was found.

    `statistics` is TFDV's `DatasetFeatureStatisticsList`; `drift` has the distance of each compared feature to the
    champion's data.
    """

    schema: Schema
    counts: DatasetCounts
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
            "rows": self.counts.rows,
            "drift": self.drift,
            "sentinel": self.sentinel.as_dict(),
            "findings": [finding.as_dict() for finding in self.findings],
        }


def examine(
    dataset: Dataset,
    schema: Schema,
    *,
    severity: Severity,
    target: TargetSettings,
    champion_statistics: Path | None,
    beam: BeamSettings | None = None,
) -> Examination:
    """Read the data batch by batch, and compare their statistics with the schema and with the champion's data.

    Memory grows with distinct values, and by some bytes a row for the identifiers, which are sorted. With a runner in
    the section `beam` its workers count, and memory here grows with distinct values only (`ml.validation.counts`).

    Raises:
        DataError: The file cannot be read as a table.
        SettingsError: The section `beam` cannot be used.
        TransientError: The job of the runner failed.
    """
    if beam is not None and beam.runner:
        counts, put_right = count_by_runner(
            dataset, schema, target=target, max_examples=severity.max_examples, beam=beam
        )
    else:
        counts, put_right = count(dataset, schema, severity=severity, target=target)
    statistics = counts.statistics.result()
    comparison = Comparison(counts, statistics, champion_statistics, schema, severity, target)
    sentinel = measure(counts.sentinel)
    findings = [
        *comparison.anomalies(),
        *comparison.beyond_the_schema(),
        *sentinel.findings(severity),
        *put_right_findings(put_right, counts.rows, severity),
    ]
    return Examination(schema, counts, statistics, comparison.drift(), sentinel, findings)


def count(
    dataset: Dataset, schema: Schema, *, severity: Severity, target: TargetSettings
) -> tuple[DatasetCounts, PutRight]:
    """Count all rows, in one pass unless a batch shows that a column is not of the type it was taken for (`Types`)."""
    types = USUAL
    while True:
        counts = DatasetCounts(schema, target, severity.max_examples, types)
        put_right = PutRight()
        try:
            with Progress("validate", dataset.rows) as progress:
                for batch in read_encoded(dataset.csv, put_right, name=dataset.name, schema=schema):
                    counts.add(batch)
                    progress.advance(batch.num_rows)
        except OtherwiseError as otherwise:
            types = otherwise.types
        else:
            return counts, put_right


def put_right_findings(put_right: PutRight, rows: int, severity: Severity) -> Iterator[Finding]:
    """Yield a finding for each thing that reading put right by itself in a data set of so many `rows`."""
    for name, counts in sorted(put_right.respelled.items()):
        words = "values that differ from the schema's only in letter case or blanks, and were taken as those,"
        examples = [repr(text) for text, _ in counts.most_common(severity.max_examples)]
        yield severity.finding("respelled", name, words, counts.total(), rows, examples)
    if put_right.without_features:
        words = f"{rows_text(put_right.without_features)} without a value for any feature, left out"
        yield severity.finding("no_feature", "", words, 0, 0, [*map(repr, put_right.left_in_them)])
